"""Where a model comes from. Whatever it is (a folder, an archive, a prefix in S3, a hub's id), what is compiled
is a diffusers folder on this machine."""


class SourceError(Exception):
    """A source that can't be compiled: what is wrong with it, and what would be right."""
