/* Classifies the recordings of golden.h and compares: 0 if every logit is as close as it has to be. */
#include "golden.h"
#include "model.h"

#include <math.h>
#include <stdio.h>

int main(void)
{
    const float *values = golden_values;
    float logits[MODEL_N_CLASSES], largest = 0.0f;
    for (int k = 0; k < GOLDEN_N; k++) {
        if (model_classify(values, golden_steps[k], logits) != 0) {
            printf("recording %d has a length that is not allowed\n", k);
            return 1;
        }
        for (int j = 0; j < MODEL_N_CLASSES; j++) {
            const float difference = fabsf(logits[j] - golden_logits[k][j]);
            largest = difference > largest || !(difference >= 0.0f) ? difference : largest;
        }
        values += golden_steps[k] * MODEL_N_CHANNELS;
    }
    printf("%d recordings, logits differ by up to %.2g; %.2g is allowed\n", GOLDEN_N, (double)largest,
           (double)GOLDEN_TOLERANCE);
    return largest <= GOLDEN_TOLERANCE ? 0 : 1;
}
