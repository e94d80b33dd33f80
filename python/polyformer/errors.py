"""What Polyformer raises, by kind, with the texts of the command line: values, place and remedy."""


class Error(Exception):
    """A value, an option or a combination of them that cannot be used. Base of all errors here."""


class FormatError(Error):
    """A file or a message that is damaged, foreign or made for something else."""


class IoError(Error):
    """The operating system refused: a missing file, a full disk, no permission."""


class InvalidAnswer(Error):
    """A reply of the right form that decrypts to what no answer of its plan can be."""
