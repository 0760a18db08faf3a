"""What the commands of the command line do.

What a person can mend leaves each of them as an exception, which ``handles_errors`` turns into sentences and an
exit code.
"""
