"""The one exception that a user is meant to see."""


class UserError(Exception):
    """Something that the user gave is wrong; the message is one line that says how to mend it.

    Pipelines print the message without a traceback and exit with code 2. Raise it with a text that says what
    happened, what was expected, what was received and what to do.
    """
