"""What is measured of a network and its answers: functions of tensors that know nothing of studies."""
