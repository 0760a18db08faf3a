/* GENERATED */

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the classes, in the order of logits and probabilities, and of the channels, in the order of a sample. */
extern const char *const model_class_names[MODEL_N_CLASSES];
extern const char *const model_channel_names[MODEL_N_CHANNELS];

/*
 * A whole recording: `n_steps` samples of MODEL_N_CHANNELS measured values each, one after the other. Writes
 * MODEL_N_CLASSES logits. Returns 0, or -1 if there are fewer than one or more than MODEL_MAX_STEPS.
 */
int model_classify(const float *values, int n_steps, float *logits);

/* Calibrated probabilities from logits; both have MODEL_N_CLASSES. */
void model_probabilities(const float *logits, float *probabilities);

/* The most probable class. */
int model_best(const float *probabilities);

/*
 * What is decided of a stream: the most probable class or, where MODEL_THRESHOLD is defined, the most probable but
 * MODEL_NULL_CLASS if it has that probability, and MODEL_NULL_CLASS if none has. Where MODEL_MIN_WINDOWS is defined, a
 * class other than MODEL_NULL_CLASS has to be that so many times in a row: call it once whenever model_push returns 1.
 */
int model_decision(const float *probabilities);

/*
 * A stream: one sample of MODEL_N_CHANNELS values. As soon as MODEL_WINDOW samples are there, and then at every
 * MODEL_HOP, it returns 1 and writes probabilities, the mean over the last MODEL_SMOOTH windows; else it returns 0.
 */
int model_push(const float *sample, float *probabilities);

/* The end of a stream: returns 1 and writes probabilities if it was shorter than a window, but not too short. */
int model_finish(float *probabilities);

/* Forgets the stream so far. */
void model_reset(void);

#ifdef __cplusplus
}
#endif

#endif
