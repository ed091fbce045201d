"""The exceptions of cladding, each also the builtin that a caller would catch."""


class CladdingError(Exception):
    """The base of every exception that cladding itself raises."""


class ConfigurationError(CladdingError, ValueError):
    """A decorator was given a wrong parameter. Raised at decoration; names parameter, value and what is allowed."""


class ValidationError(CladdingError, ValueError):
    """An argument did not meet its expectation. Names the argument, the path inside it, the expectation and the value."""


class MemoryPressureError(CladdingError, MemoryError):
    """Memory in use stayed above the limit, so the call was not run."""
