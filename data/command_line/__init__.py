"""What the command lines of all packages share: the parser, pictures by their paths, files that appear whole."""
