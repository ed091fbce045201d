"""`circuit_breaker`: when calls are refused, which are tried again, and what is counted. No test waits for a breaker."""
