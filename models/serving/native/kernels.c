// The worker's arithmetic for Llama-like models on x86 CPUs with AVX-512 VNNI or AVX2, compiled at the first start.
//
// Every row is computed for itself, in one order, whatever stands beside it: its result is the same to the bit.
// Without a compiler, or on another CPU, torch does the same (linear.py, llama.py), only slower.

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define BLOCK 32  // outputs that are computed together
// A loop takes a second thread only from about a tenth of a millisecond on: waking one costs as much.

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define LANES 16
#define TILE 12
typedef __m512i ints;
#define LOAD(at) _mm512_loadu_si512((const void *)(at))
#define STORE(at, value) _mm512_storeu_si512((void *)(at), value)
#define ZERO() _mm512_setzero_si512()
#define SPREAD(value) _mm512_set1_epi32(value)
// activations are moved up by 128, which the sum of the weights takes back at the end
#define OFFSET 128
#define DOT(sum, activations, weights) _mm512_dpbusd_epi32(sum, activations, weights)
#elif defined(__AVX2__)
#define LANES 8
#define TILE 2
typedef __m256i ints;
#define LOAD(at) _mm256_loadu_si256((const __m256i *)(at))
#define STORE(at, value) _mm256_storeu_si256((__m256i *)(at), value)
#define ZERO() _mm256_setzero_si256()
#define SPREAD(value) _mm256_set1_epi32(value)
#define OFFSET 0
// |w| times a with the sign of w: no pair of products leaves 16 bits, since neither goes beyond 127
#define DOT(sum, activations, weights) \
    _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_set1_epi16(1), \
        _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(activations, weights))))
#else
#error "no 8-bit arithmetic on this CPU"
#endif

#define VECTORS (BLOCK / LANES)
#define UNROLL _Pragma("GCC unroll 16")

static inline float exp_near(float x) {
    // 2^n times a polynomial for the rest; about one unit in the last place
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float n = __builtin_rintf(x * 1.44269504088896341f);
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { int32_t bits; float value; } scale = {((int32_t)n + 127) << 23};
    return p * scale.value;
}

// Weights [outputs, inputs] into blocks of 32 outputs, four inputs of each side by side, padded with zeros.
EXPORT void pack(const int8_t *weight, int64_t outputs, int64_t inputs, int8_t *packed, int32_t *sums) {
    int64_t fours = (inputs + 3) / 4;
    for (int64_t out = 0; out < (outputs + BLOCK - 1) / BLOCK * BLOCK; out++) {
        int8_t *block = packed + out / BLOCK * fours * BLOCK * 4;
        int32_t sum = 0;
        for (int64_t in = 0; in < fours * 4; in++) {
            int8_t value = out < outputs && in < inputs ? weight[out * inputs + in] : 0;
            block[(in / 4 * BLOCK + out % BLOCK) * 4 + in % 4] = value;
            sum += value;
        }
        sums[out] = sum * OFFSET;
    }
}

static void quantize(const float *x, const float *evening, int64_t inputs, float *even, uint8_t *q, float *peak) {
    uint32_t most = 0;  // as bits, where a NaN is larger than any number
    for (int64_t i = 0; i < inputs; i++) {
        float value = evening ? x[i] * evening[i] : x[i];
        uint32_t bits;
        even[i] = value;
        memcpy(&bits, &value, 4);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    memcpy(peak, &most, 4);
    float scale = 127.0f / *peak;
    for (int64_t i = 0; i < inputs; i++) q[i] = (uint8_t)((int32_t)__builtin_rintf(even[i] * scale) + OFFSET);
    for (int64_t i = inputs; i % 4; i++) q[i] = OFFSET;
}

typedef struct {
    const int8_t *weight;
    const int32_t *sums;
    const float *scale, *bias;
    int64_t outputs, fours;
} Layer;

static inline void finish(const Layer *layer, int64_t block, const int32_t *sums, float peak, float *y) {
    int64_t from = block * BLOCK, to = from + BLOCK < layer->outputs ? from + BLOCK : layer->outputs;
    for (int64_t out = from; out < to; out++) {
        float value = (float)(sums[out - from] - layer->sums[out]) * layer->scale[out] * peak;
        y[out] = layer->bias ? value + layer->bias[out] : value;
    }
}

// `rows` rows, at most TILE, with one block of outputs. Inlined with a constant number of rows.
static inline __attribute__((always_inline)) void tile(
    const Layer *layer, int64_t block, const uint8_t *q, int64_t stride, const float *peaks, float *y, const int rows) {
    const int8_t *weight = layer->weight + block * layer->fours * BLOCK * 4;
    ints sums[TILE][VECTORS];
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
        for (int v = 0; v < VECTORS; v++) sums[r][v] = ZERO();
    for (int64_t four = 0; four < layer->fours; four++) {
        ints w[VECTORS];
        UNROLL
        for (int v = 0; v < VECTORS; v++) w[v] = LOAD(weight + (four * BLOCK + v * LANES) * 4);
        UNROLL
        for (int r = 0; r < rows; r++) {
            int32_t some;
            memcpy(&some, q + r * stride + four * 4, 4);
            ints a = SPREAD(some);
            UNROLL
            for (int v = 0; v < VECTORS; v++) sums[r][v] = DOT(sums[r][v], a, w[v]);
        }
    }
    int32_t found[BLOCK];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < VECTORS; v++) STORE(found + v * LANES, sums[r][v]);
        finish(layer, block, found, peaks[r], y + r * layer->outputs);
    }
}

static void several(const Layer *l, int64_t block, const uint8_t *q, int64_t s, const float *peaks, float *y, int rows) {
    switch (rows) {
        case 2: tile(l, block, q, s, peaks, y, 2); break;
#if TILE > 2
        case 3: tile(l, block, q, s, peaks, y, 3); break;
        case 4: tile(l, block, q, s, peaks, y, 4); break;
        case 5: tile(l, block, q, s, peaks, y, 5); break;
        case 6: tile(l, block, q, s, peaks, y, 6); break;
        case 7: tile(l, block, q, s, peaks, y, 7); break;
        case 8: tile(l, block, q, s, peaks, y, 8); break;
        case 9: tile(l, block, q, s, peaks, y, 9); break;
        case 10: tile(l, block, q, s, peaks, y, 10); break;
        case 11: tile(l, block, q, s, peaks, y, 11); break;
        case 12: tile(l, block, q, s, peaks, y, 12); break;
#endif
        default: tile(l, block, q, s, peaks, y, 1);
    }
}

// y [rows, outputs] = x [rows, inputs] W^T. 0, or -1 where there is no memory.
EXPORT int linear(
    const float *x, int64_t rows, int64_t inputs, const float *evening, const int8_t *weight, const int32_t *sums,
    const float *scale, const float *bias, int64_t outputs, float *y) {
    Layer layer = {weight, sums, scale, bias, outputs, (inputs + 3) / 4};
    int64_t stride = layer.fours * 4, blocks = (outputs + BLOCK - 1) / BLOCK;
    char *scratch = malloc(rows * (stride + 4) + rows * inputs * 4);
    if (!scratch) return -1;
    float *even = (float *)scratch, *peaks = even + rows * inputs;
    uint8_t *q = (uint8_t *)(peaks + rows);
#pragma omp parallel if (rows * inputs * outputs > 6000000)
    {
#pragma omp for schedule(static)
        for (int64_t r = 0; r < rows; r++)
            quantize(x + r * inputs, evening, inputs, even + r * inputs, q + r * stride, peaks + r);
#pragma omp for schedule(static) nowait
        for (int64_t block = 0; block < blocks; block++)
            for (int64_t r = 0; r < rows; r += TILE) {
                int count = rows - r < TILE ? rows - r : TILE;
                several(&layer, block, q + r * stride, stride, peaks + r, y + r * outputs, count);
            }
    }
    free(scratch);
    return 0;
}

// hidden += delta where there is one; out = hidden / rms(hidden) * weight.
EXPORT void norm(float *hidden, const float *delta, const float *weight, float eps, int64_t rows, int64_t width,
                 float *out) {
#pragma omp parallel for schedule(static) if (rows * width > 400000)
    for (int64_t r = 0; r < rows; r++) {
        float *h = hidden + r * width, sum = 0;
        if (delta)
            for (int64_t i = 0; i < width; i++) h[i] += delta[r * width + i];
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < width; i++) sum += h[i] * h[i];
        float scale = 1.0f / sqrtf(sum / width + eps);
        for (int64_t i = 0; i < width; i++) out[r * width + i] = h[i] * scale * weight[i];
    }
}

// out [rows, width] = silu(gate) * up; both stand side by side in `both` [rows, 2 width].
EXPORT void gated(const float *both, int64_t rows, int64_t width, float *out) {
#pragma omp parallel for schedule(static) if (rows * width > 200000)
    for (int64_t r = 0; r < rows; r++) {
        const float *gate = both + r * 2 * width, *up = gate + width;
#pragma omp simd
        for (int64_t i = 0; i < width; i++) out[r * width + i] = gate[i] / (1.0f + exp_near(-gate[i])) * up[i];
    }
}

static void turn(float *head, const float *cosine, const float *sine, int64_t half) {
    for (int64_t i = 0; i < half; i++) {
        float left = head[i], right = head[half + i];
        head[i] = left * cosine[i] - right * sine[i];
        head[half + i] = right * cosine[i] + left * sine[i];
    }
}

// Turn queries and keys of qkv [rows, heads + 2 kv, size] by their places, and put keys and values into the cache.
EXPORT void place(float *qkv, const float *cosine, const float *sine, int64_t rows, int64_t heads, int64_t kv,
                  int64_t size, const int64_t *slots, const int64_t *places, float *keys, float *values, int64_t room) {
#pragma omp parallel for schedule(static) if (rows > 64)
    for (int64_t r = 0; r < rows; r++) {
        float *row = qkv + r * (heads + 2 * kv) * size;
        const float *c = cosine + places[r] * (size / 2), *s = sine + places[r] * (size / 2);
        for (int64_t h = 0; h < heads + kv; h++) turn(row + h * size, c, s, size / 2);
        for (int64_t h = 0; h < kv; h++) {
            int64_t at = ((slots[r] * kv + h) * room + places[r]) * size;
            memcpy(keys + at, row + (heads + h) * size, size * 4);
            memcpy(values + at, row + (heads + kv + h) * size, size * 4);
        }
    }
}

// How well a query fits each key up to `last`, in one order of addition whatever is computed beside it.
#if LANES == 16
typedef __m512 floats;
#define PART(at) _mm512_loadu_ps(at)
#define KEEP(at, value) _mm512_storeu_ps(at, value)
#define ALL(value) _mm512_set1_ps(value)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
static inline floats pairs(floats a, floats b) {
    return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
}
static inline floats fours(floats a, floats b, floats c, floats d) {
    __m512d ab = _mm512_castps_pd(pairs(a, b)), cd = _mm512_castps_pd(pairs(c, d));
    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)), _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
}
static inline floats halves(floats a, floats b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}
// The sum of each of 16 vectors.
static inline floats totals(const floats *t) {
    floats a = fours(t[0], t[1], t[2], t[3]), b = fours(t[4], t[5], t[6], t[7]);
    floats c = fours(t[8], t[9], t[10], t[11]), d = fours(t[12], t[13], t[14], t[15]);
    return halves(halves(a, b), halves(c, d));
}
#else
typedef __m256 floats;
#define PART(at) _mm256_loadu_ps(at)
#define KEEP(at, value) _mm256_storeu_ps(at, value)
#define ALL(value) _mm256_set1_ps(value)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
// The sum of each of 8 vectors.
static inline floats totals(const floats *t) {
    floats a = _mm256_hadd_ps(_mm256_hadd_ps(t[0], t[1]), _mm256_hadd_ps(t[2], t[3]));
    floats b = _mm256_hadd_ps(_mm256_hadd_ps(t[4], t[5]), _mm256_hadd_ps(t[6], t[7]));
    return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}
#endif
#define MOST_PARTS 16  // heads of up to 16 vectors

// One query head over the places 0 to `last` of its key head; `scores` has room for that many and a vector more.
static inline __attribute__((always_inline)) void look(
    const float *q, const float *keys, const float *values, const int parts, int64_t last, float *scores, float *out) {
    const int size = parts * LANES;
    floats query[MOST_PARTS], sums[MOST_PARTS];
    float most = -INFINITY, total = 0;
    UNROLL
    for (int p = 0; p < parts; p++) query[p] = PART(q + p * LANES);
    for (int64_t j = 0; j <= last; j += LANES) {
        floats t[LANES];
        UNROLL
        for (int k = 0; k < LANES; k++) {
            // behind the last place the last one is looked at again
            const float *key = keys + (j + k <= last ? j + k : last) * size;
            t[k] = ALL(0);
            UNROLL
            for (int p = 0; p < parts; p++) t[k] = FMA(query[p], PART(key + p * LANES), t[k]);
        }
        KEEP(scores + j, totals(t));
    }
    float scale = 1.0f / sqrtf(size);
    for (int64_t j = 0; j <= last; j++) most = scores[j] > most ? scores[j] : most;
#pragma omp simd reduction(+ : total)
    for (int64_t j = 0; j <= last; j++) {
        // a score that is no number has to stay so: the sampler looks for it
        scores[j] = scores[j] == scores[j] ? exp_near((scores[j] - most) * scale) : NAN;
        total += scores[j];
    }
    UNROLL
    for (int p = 0; p < parts; p++) sums[p] = ALL(0);
    for (int64_t j = 0; j <= last; j++) {
        floats weight = ALL(scores[j]);
        UNROLL
        for (int p = 0; p < parts; p++) sums[p] = FMA(weight, PART(values + j * size + p * LANES), sums[p]);
    }
    UNROLL
    for (int p = 0; p < parts; p++) KEEP(out + p * LANES, sums[p]);
    for (int i = 0; i < size; i++) out[i] /= total;
}

static void head(const float *q, const float *keys, const float *values, int64_t size, int64_t last, float *scores,
                 float *out) {
    switch (size / LANES) {
        case 64 / LANES: look(q, keys, values, 64 / LANES, last, scores, out); break;
        case 128 / LANES: look(q, keys, values, 128 / LANES, last, scores, out); break;
        default: look(q, keys, values, size / LANES, last, scores, out);
    }
}

// Whether `attend` takes heads of this size.
EXPORT int fits(int64_t size) { return size % LANES == 0 && size / LANES <= MOST_PARTS; }

// Attention of tokens, each over its own slot up to its own place. 0, or -1 where there is no memory.
EXPORT int attend(const float *qkv, int64_t rows, int64_t heads, int64_t kv, int64_t size, const int64_t *slots,
                  const int64_t *places, const float *keys, const float *values, int64_t room, float *out) {
    int64_t group = heads / kv, most = 0, sum = 0;
    for (int64_t r = 0; r < rows; r++) {
        most = places[r] > most ? places[r] : most;
        sum += places[r];
    }
    int failed = 0;
#pragma omp parallel if (sum * heads * size > 1000000)
    {
        float *scores = malloc((most + 1 + LANES) * 4);
        if (!scores) failed = 1;
#pragma omp for schedule(dynamic, 4)
        for (int64_t pair = 0; pair < rows * kv; pair++) {
            // the rows of one key head after each other: its keys stay near
            int64_t r = pair % rows, h = pair / rows, at = (slots[r] * kv + h) * room * size;
            if (scores)
                for (int64_t g = 0; g < group; g++)
                    head(qkv + (r * (heads + 2 * kv) + h * group + g) * size, keys + at, values + at, size, places[r],
                         scores, out + (r * heads + h * group + g) * size);
        }
        free(scores);
    }
    return failed ? -1 : 0;
}
