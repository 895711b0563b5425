"""The documentation holds what it promises: links lead somewhere, pictures are small, words are those of the interface."""
