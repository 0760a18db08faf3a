#include "pooling.c"

/*
 * The mean, weighted by the softmax of a score of every step (Felbo et al. 2017), without keeping the steps: what was
 * summed is scaled down whenever a larger score comes (Milakov & Gimelshein 2018, algorithm 3).
 */
static void push_attention_pooling(const struct stage *stage, const float *x, int i, int n)
{
    const struct pooling *layer = stage->layer;
    float *largest = layer->largest, *total = largest + 1;
    float score = 0.0f, weight;
    for (int k = 0; k < layer->n_features; k++) {
        score += layer->score[k] * x[k];
    }
    if (i == 0 || score > *largest) {
        const float kept = i == 0 ? 0.0f : expf(*largest - score);
        *total = i == 0 ? 0.0f : *total * kept;
        for (int k = 0; k < layer->n_features; k++) {
            layer->out[k] = i == 0 ? 0.0f : layer->out[k] * kept;
        }
        *largest = score;
    }
    weight = expf(score - *largest);
    *total += weight;
    for (int k = 0; k < layer->n_features; k++) {
        layer->out[k] += weight * x[k];
        if (i == n - 1) {
            layer->out[k] /= *total;
        }
    }
    if (i == n - 1) {
        pass_on(stage, layer->out, 0, 1);
    }
}
