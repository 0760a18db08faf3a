#include "linear.c"
#include "norm.c"

/* Multi-head attention (Vaswani et al. 2017, section 3.2). */
struct attention {
    const struct linear *query, *key_value, *output;
    int n_heads, head_dim;
    const float *slopes; /* Radians a step by which pairs of features are turned (Su et al. 2021); NULL for none. */
    float *context; /* Of every step that answers: keys, then values. */
    float *asking, *mixed, *scores;
};

static void turn(const struct attention *layer, float *vectors, int t)
{
    const int n_pairs = layer->head_dim / 2;
    for (int k = 0; layer->slopes != NULL && k < n_pairs; k++) {
        const float angle = (float)t * layer->slopes[k], cosine = cosf(angle), sine = sinf(angle);
        for (int head = 0; head < layer->n_heads; head++) {
            float *first = vectors + head * layer->head_dim + k, *second = first + n_pairs;
            const float turned = *first * cosine - *second * sine;
            *second = *first * sine + *second * cosine;
            *first = turned;
        }
    }
}

/* Takes in a step that answers. */
static void remember(const struct attention *layer, const float *x, int t)
{
    float *keys = layer->context + t * layer->key_value->product->n_outputs;
    linear(layer->key_value, x, keys);
    turn(layer, keys, t);
}

/* What a step gathers from those that answer. */
static void gather(const struct attention *layer, const float *x, int t, int n_context, float *out)
{
    const int width = layer->n_heads * layer->head_dim, size = layer->head_dim;
    const float scale = 1.0f / sqrtf((float)size);
    linear(layer->query, x, layer->asking);
    turn(layer, layer->asking, t);
    for (int head = 0; head < layer->n_heads; head++) {
        float *mixed = layer->mixed + head * size;
        float largest = -INFINITY, total = 0.0f;
        memset(mixed, 0, (size_t)size * sizeof *mixed);
        for (int s = 0; s < n_context; s++) {
            const float *key = layer->context + s * 2 * width + head * size;
            float score = 0.0f;
            for (int k = 0; k < size; k++) {
                score += layer->asking[head * size + k] * key[k];
            }
            layer->scores[s] = score * scale;
            largest = fmaxf(largest, layer->scores[s]);
        }
        for (int s = 0; s < n_context; s++) {
            const float *value = layer->context + s * 2 * width + width + head * size;
            const float weight = expf(layer->scores[s] - largest);
            total += weight;
            for (int k = 0; k < size; k++) {
                mixed[k] += weight * value[k];
            }
        }
        for (int k = 0; k < size; k++) {
            mixed[k] /= total;
        }
    }
    linear(layer->output, layer->mixed, out);
}
