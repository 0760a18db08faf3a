"""What is measured of a network and its predictions: functions of tensors that know nothing of studies."""
