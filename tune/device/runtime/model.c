/* Between the network above and whoever uses it: see model.h. */

static int is_length(int n_steps)
{
    return n_steps >= 1 && n_steps <= MODEL_MAX_STEPS;
}

int model_classify(const float *values, int n_steps, float *logits)
{
    struct window window;
    if (!is_length(n_steps)) {
        return -1;
    }
    window.values = values, window.n_rows = n_steps, window.start = 0, window.n_steps = n_steps;
    classify(&preparation, FIRST_STAGE, &window);
    copy(logits, network_logits, MODEL_N_CLASSES);
    return 0;
}

void model_probabilities(const float *logits, float *probabilities)
{
    float largest = logits[0], total = 0.0f;
    for (int k = 1; k < MODEL_N_CLASSES; k++) {
        largest = fmaxf(largest, logits[k]);
    }
    for (int k = 0; k < MODEL_N_CLASSES; k++) {
        probabilities[k] = expf((logits[k] - largest) / MODEL_TEMPERATURE);
        total += probabilities[k];
    }
    for (int k = 0; k < MODEL_N_CLASSES; k++) {
        probabilities[k] /= total;
    }
}

int model_best(const float *probabilities)
{
    int best = 0;
    for (int k = 1; k < MODEL_N_CLASSES; k++) {
        if (probabilities[k] > probabilities[best]) {
            best = k;
        }
    }
    return best;
}

static int likely(const float *probabilities)
{
#ifdef MODEL_THRESHOLD
    int best = MODEL_NULL_CLASS;
    for (int k = 0; k < MODEL_N_CLASSES; k++) {
        const int is_first = best == MODEL_NULL_CLASS;
        if (k != MODEL_NULL_CLASS && probabilities[k] >= MODEL_THRESHOLD &&
            (is_first || probabilities[k] > probabilities[best])) {
            best = k;
        }
    }
    return best;
#else
    return model_best(probabilities);
#endif
}

/* What was likely last, and how often it has been in a row. */
static int last_likely, n_likely;

int model_decision(const float *probabilities)
{
    const int best = likely(probabilities);
#ifdef MODEL_MIN_WINDOWS
    n_likely = best != last_likely ? 1 : n_likely < MODEL_MIN_WINDOWS ? n_likely + 1 : n_likely;
    last_likely = best;
    if (n_likely < MODEL_MIN_WINDOWS) {
        return MODEL_NULL_CLASS;
    }
#endif
    return best;
}

/* A stream: the last window of samples, and what the last few windows said. */
static float samples[MODEL_WINDOW * MODEL_N_CHANNELS];
static float said[MODEL_SMOOTH * MODEL_N_CLASSES];
static int n_samples, next_sample, until_hop, n_said, next_said;

void model_reset(void)
{
    n_samples = next_sample = until_hop = n_said = next_said = last_likely = n_likely = 0;
}

static void decide(float *probabilities)
{
    struct window window;
    window.values = samples, window.n_rows = MODEL_WINDOW, window.n_steps = n_samples;
    window.start = n_samples < MODEL_WINDOW ? 0 : next_sample;
    classify(&preparation, FIRST_STAGE, &window);
    model_probabilities(network_logits, said + next_said * MODEL_N_CLASSES);
    next_said = (next_said + 1) % MODEL_SMOOTH;
    n_said = n_said < MODEL_SMOOTH ? n_said + 1 : MODEL_SMOOTH;
    for (int k = 0; k < MODEL_N_CLASSES; k++) {
        probabilities[k] = 0.0f;
        for (int row = 0; row < n_said; row++) {
            probabilities[k] += said[row * MODEL_N_CLASSES + k] / (float)n_said;
        }
    }
}

int model_push(const float *sample, float *probabilities)
{
    copy(samples + next_sample * MODEL_N_CHANNELS, sample, MODEL_N_CHANNELS);
    next_sample = (next_sample + 1) % MODEL_WINDOW;
    if (n_samples < MODEL_WINDOW && ++n_samples < MODEL_WINDOW) {
        return 0;
    }
    if (until_hop > 0) {
        until_hop--;
        return 0;
    }
    until_hop = MODEL_HOP - 1;
    decide(probabilities);
    return 1;
}

int model_finish(float *probabilities)
{
    if (n_said > 0 || n_samples < MODEL_FEWEST_STEPS) {
        return 0;
    }
    decide(probabilities);
    return 1;
}
