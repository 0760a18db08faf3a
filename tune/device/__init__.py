"""Networks on microcontrollers: the calls, the weights and the memory that one takes, known before it is trained."""
