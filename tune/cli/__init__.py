"""The command line: arguments in, sentences out, exit codes."""
