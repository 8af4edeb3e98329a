"""What is raised where a database's server cannot be used."""


class Unreachable(Exception):
    """The database's server does not answer, or does not let us in; the message says why, in its
    own words, and never by which password."""
