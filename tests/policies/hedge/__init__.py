"""`hedge`: when a second attempt is made, which answer wins, and what is left of the others."""
