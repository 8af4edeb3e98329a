"""What is raised where a database's server cannot be used."""


class Unreachable(Exception):
    """The database's server does not answer, does not let us in, or keeps text in a way that is of
    no use; the message says why, and never by which password."""
