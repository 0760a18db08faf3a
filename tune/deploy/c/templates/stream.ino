// Classifies what a sensor measures, and prints it. Only read_sensor has to be written.
#include <model.h>

// Fills in one sample: MODEL_N_CHANNELS values in the order and the units of model_channel_names.
static void read_sensor(float *sample) {
  for (int k = 0; k < MODEL_N_CHANNELS; k++) {
    sample[k] = 0.0f;  // for example: myIMU.readFloatAccelX()
  }
}

void setup() {
  Serial.begin(115200);
  model_reset();
}

void loop() {
  static float sample[MODEL_N_CHANNELS], probabilities[MODEL_N_CLASSES];
#ifdef MODEL_SAMPLE_MICROSECONDS
  static unsigned long next = micros();
  while ((long)(micros() - next) < 0) {
  }
  next += MODEL_SAMPLE_MICROSECONDS;
#endif
  read_sensor(sample);
  if (model_push(sample, probabilities)) {
    const int decided = model_decision(probabilities);
    Serial.print(model_class_names[decided]);
    Serial.print(' ');
    Serial.println(probabilities[decided], 3);
  }
}
