"""Exceptions and warnings."""


class Error(Exception):
    """A failure. ``message`` says what was expected and found, and ``hint``, if there is one, a way out."""

    def __init__(self, message, hint=None):
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    @property
    def kind(self):
        """The kind in one word, such as ``data``."""
        return type(self).__name__.removesuffix("Error").lower() or "other"

    def __str__(self):
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


class ConfigError(Error, ValueError):
    """A wrong setting, or settings that contradict each other."""


class DataError(Error, ValueError):
    """Data that cannot be used as they are."""


class BackendError(Error, RuntimeError):
    """A backend that finds no device."""


class DeviceError(Error, RuntimeError):
    """A device that failed while it was working."""


class NumericalError(Error, ArithmeticError):
    """Numbers that are not finite."""


class FileError(Error, OSError):
    """A file that cannot be read or written."""


class LeakWarning(UserWarning):
    """A fact about a leak, or about knowledge that is missing to rule one out."""
