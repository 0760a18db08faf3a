#include "stage.c"

/* One vector for a sequence. */
struct pooling {
    int n_features;
    int n_backwards; /* Features that were read from the end to the beginning, the last ones. */
    const float *score; /* Of attention. */
    float *out;
    float *largest; /* Largest values, or of attention: the largest score, then the sum of the weights. */
};
