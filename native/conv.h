// Convolution, pooling and batch normalisation over planes, [B, C, height, width]. What is computed stands in src/backend/backend.ts
// (Window2d and what extends it).
//
// A convolution is a matrix product, weight [O, K] times the columns [K, P] of an image: K = C · kernel height · kernel width,
// P = output positions; column p holds what the window at p covers. The columns are never made as a whole: a few output rows of
// an image at a time are copied with their padding, and from there packed into the panels that the register tile of tile.h runs over.
#pragma once

#include "chunks.h"
#include "gemm.h"
#include "rows.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** How windows lie over planes. */
struct Window {
  int32_t B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, dilationY, dilationX;
  int32_t reachY() const { return (kernelHeight - 1) * dilationY + 1; }
  int32_t reachX() const { return (kernelWidth - 1) * dilationX + 1; }
  int32_t outHeight() const { return (height + 2 * paddingY - reachY()) / strideY + 1; }
  int32_t outWidth() const { return (width + 2 * paddingX - reachX()) / strideX + 1; }
  int32_t in() const { return height * width; }
  int32_t out() const { return outHeight() * outWidth(); }
  int32_t K() const { return C * kernelHeight * kernelWidth; }
  /** Of a row with its padding, as far as windows reach. */
  int32_t paddedWidth() const { return (outWidth() - 1) * strideX + reachX(); }
};

/** Output positions that are worked on at once: some rows, at least one. */
constexpr int kConvPositions = 512;

static inline int32_t conv_rows(const Window &w) {
  const int rows = kConvPositions / larger(w.outWidth(), 1);
  return smaller(larger(rows, 1), w.outHeight());
}

/** Some output rows of one image: its padded input, and columns from it. */
struct Patch {
  const Window &w;
  const int32_t first, rows, inRows, wide; // of the output, of the output, of the input, of a padded input row
  float *const padded;                     // [C, inRows, wide], and W more to read past the end
  float *const line;                       // one row of columns, [rows · outWidth], and W more to write past the end

  static int32_t padded_floats(const Window &w) {
    return round_up(w.C * ((conv_rows(w) - 1) * w.strideY + w.reachY()) * w.paddedWidth() + W, 16);
  }
  static int32_t line_floats(const Window &w) { return round_up(conv_rows(w) * w.outWidth() + W, 16); }
  static int32_t floats(const Window &w) { return padded_floats(w) + line_floats(w); }

  /** Output rows first … first + rows − 1. */
  Patch(const Window &w, int32_t first, int32_t rows, float *padded, float *line)
      : w(w), first(first), rows(rows), inRows((rows - 1) * w.strideY + w.reachY()), wide(w.paddedWidth()), padded(padded), line(line) {}

  /** Copies what they see of the image x [C, height, width]. */
  void fill(const float *x) const {
    const int32_t copied = larger(smaller(w.width, wide - w.paddingX), 0);
    float *to = padded;
    for (int32_t c = 0; c < w.C; c++) {
      for (int32_t i = 0; i < inRows; i++, to += wide) {
        const int32_t y = first * w.strideY - w.paddingY + i;
        if (y < 0 || y >= w.height) {
          __builtin_memset(to, 0, size_t(wide) * sizeof(float));
          continue;
        }
        for (int32_t j = 0; j < smaller(w.paddingX, wide); j++) to[j] = 0;
        const float *from = x + (size_t(c) * w.height + y) * w.width;
        for (int32_t j = 0; j < copied; j += W) store(to + w.paddingX + j, load(from + j, copied - j), copied - j);
        for (int32_t j = w.paddingX + copied; j < wide; j++) to[j] = 0;
      }
    }
    for (int32_t j = 0; j < W; j++) to[j] = 0;
  }

  /**
   * Row k of the columns into `to` [rows · outWidth], in whole vectors: each row of the output writes over what the one before
   * wrote too far, and up to W more floats are written past the end.
   */
  UNROLLED_INLINE void column_row(int32_t k, float *to) const {
    const int32_t taps = w.kernelHeight * w.kernelWidth, c = k / taps, tap = k - c * taps;
    const int32_t i = tap / w.kernelWidth, j = tap - i * w.kernelWidth, n = w.outWidth();
    const float *from = padded + (ptrdiff_t(c) * inRows + i * w.dilationY) * wide + j * w.dilationX;
    const ptrdiff_t down = ptrdiff_t(wide) * w.strideY;
    if (w.strideX == 1) {
      for (int32_t r = 0; r < rows; r++, from += down, to += n) {
        for (int32_t v = 0; v < n; v += W) store(to + v, load(from + v));
      }
      return;
    }
    for (int32_t r = 0; r < rows; r++, from += down, to += n) {
      for (int32_t v = 0; v < n; v++) to[v] = from[v * w.strideX];
    }
  }

  /** As `pack`, where rows of the output are whole vectors: straight from the padded input. */
  void pack_vectors(int32_t k, int32_t depth, float *panels) const {
    const int32_t n = rows * w.outWidth(), outWidth = w.outWidth(), taps = w.kernelHeight * w.kernelWidth;
    const ptrdiff_t down = ptrdiff_t(wide) * w.strideY;
    for (int32_t d = 0; d < depth; d++) {
      const int32_t c = (k + d) / taps, tap = (k + d) - c * taps, i = tap / w.kernelWidth, j = tap - i * w.kernelWidth;
      const float *from = padded + (ptrdiff_t(c) * inRows + i * w.dilationY) * wide + j * w.dilationX;
      int32_t p = 0;
      for (int32_t r = 0; r < rows; r++, from += down) {
        for (int32_t v = 0; v < outWidth; v += W, p += W) {
          const int32_t first = p / kColumns * kColumns;
          store(panels + ptrdiff_t(first) * depth + ptrdiff_t(d) * panel_width(n - first) + (p - first), load(from + v));
        }
      }
    }
  }

  /** Rows k … k + depth − 1 of the columns as panels [ceil(n / kColumns)][depth][width] (see pack_panels). */
  void pack(int32_t k, int32_t depth, float *panels) const {
    const int32_t n = rows * w.outWidth(), whole = n / kColumns * kColumns, left = n - whole, width = panel_width(left);
    if (w.strideX == 1 && w.outWidth() % W == 0 && left % W == 0) return pack_vectors(k, depth, panels);
    for (int32_t d = 0; d < depth; d++) {
      column_row(k + d, line);
      float *to = panels + ptrdiff_t(d) * kColumns;
      for (int32_t p = 0; p < whole; p += kColumns, to += ptrdiff_t(kColumns) * depth) {
        store(to, load(line + p));
        store(to + W, load(line + p + W));
      }
      if (left == 0) continue;
      to = panels + ptrdiff_t(whole) * depth + ptrdiff_t(d) * width;
      for (int32_t j = 0; j < width; j += W) store(to + j, load(line + whole + j, larger(left - j, 0)));
    }
  }
};

// ---- convolution ----

/** Images of few positions that are worked on together, so that a tile of the weight meets enough of them. */
static inline int32_t conv_images(const Window &w) {
  const int images = kConvPositions / larger(w.out(), 1);
  return conv_rows(w) < w.outHeight() || images < 1 ? 1 : smaller(images, larger(w.B, 1));
}
static inline int32_t conv_thread_floats(const Window &w) {
  return conv_images(w) * Patch::padded_floats(w) + Patch::line_floats(w) + conv_images(w) * round_up(smaller(w.K(), kDepth) * round_up(conv_rows(w) * w.outWidth(), kColumns), 16);
}
static inline int32_t conv_floats(const Window &w, int32_t O) { return round_up(O * w.K(), 16) + thread_count() * conv_thread_floats(w); }

/** weight [O, K] as tiles [K][rows] one after another, as `outputs` cuts it: K within each block of depth, see tile. */
static inline void conv_pack_weight(const Cut &outputs, const Cut &depths, int32_t K, const float *weight, float *tiles) {
  for (int d = 0; d < depths.parts; d++) {
    const int32_t k = depths.start(d), end = depths.start(d + 1);
    for (int r = 0; r < outputs.parts; r++) {
      const int32_t o = outputs.start(r), last = outputs.start(r + 1);
      for (int32_t i = k; i < end; i++) {
        for (int32_t row = o; row < last; row++) *tiles++ = weight[ptrdiff_t(row) * K + i];
      }
    }
  }
}

/** y [B, O, P] = weight [O, K] · columns (+ bias): the images, cut into some rows each, shared out to the threads. */
static inline void convolve(const Window &w, int32_t O, const float *x, const float *weight, const float *bias, float *y, float *workspace) {
  const int32_t P = w.out(), K = w.K(), most = conv_rows(w), width = w.outWidth(), together = conv_images(w);
  const Cut strips(w.outHeight(), most), depths(K, kDepth), outputs(O, kRows);
  const int32_t items = ceil_div(w.B, together) * strips.parts;
  const int threads = smaller(worthwhile_threads(int64_t(w.B) * P * K * O), larger(items, 1));
  float *const tiles = workspace;
  workspace += round_up(O * K, 16);
  conv_pack_weight(outputs, depths, K, weight, tiles);
  share(threads, [&](int part) {
    float *own = workspace + ptrdiff_t(part) * conv_thread_floats(w), *line = own + together * Patch::padded_floats(w);
    float *panels = line + Patch::line_floats(w);
    const int32_t end = int32_t(int64_t(items) * (part + 1) / threads);
    for (int32_t item = int32_t(int64_t(items) * part / threads); item < end; item++) {
      const int32_t strip = item % strips.parts, first = strips.start(strip), rows = strips.start(strip + 1) - first, n = rows * width;
      const int32_t begin = item / strips.parts * together, images = smaller(together, w.B - begin);
      float *const out = y + size_t(begin) * O * P + ptrdiff_t(first) * width;
      for (int32_t row = 0; bias != nullptr && row < images * O; row++) {
        const F value = splat(bias[row % O]);
        float *to = out + ptrdiff_t(row) * P;
        each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { store(to + i, value, count); });
      }
      for (int d = 0; d < depths.parts; d++) {
        const int32_t k = depths.start(d), depth = depths.start(d + 1) - k;
        const ptrdiff_t imagePanels = ptrdiff_t(round_up(n, kColumns)) * depth;
        const Into into = bias != nullptr || d > 0 ? Into::Add : Into::Overwrite;
        for (int32_t b = 0; b < images; b++) {
          const Patch patch(w, first, rows, own + ptrdiff_t(b) * Patch::padded_floats(w), line);
          if (d == 0) patch.fill(x + size_t(begin + b) * w.C * w.in());
          patch.pack(k, depth, panels + b * imagePanels);
        }
        for (int r = 0; r < outputs.parts; r++) {
          const int o = outputs.start(r), size = outputs.start(r + 1) - o;
          const float *tile = tiles + ptrdiff_t(O) * k + ptrdiff_t(o) * depth;
          for (int32_t b = 0; b < images; b++) {
            float *to = out + (ptrdiff_t(b) * O + o) * P;
            for (int32_t p = 0; p < n; p += kColumns) {
              const int panelRow = panel_width(n - p), wanted = smaller(panelRow, n - p);
              tile_of<true>(size, depth, tile, size, panels + b * imagePanels + ptrdiff_t(p) * depth, panelRow, to + p, P, wanted, into, nullptr);
            }
          }
        }
      }
    }
  });
}

static int32_t conv2d_workspace(int32_t B, int32_t C, int32_t height, int32_t width, int32_t kernelHeight, int32_t kernelWidth,
                                int32_t strideY, int32_t strideX, int32_t paddingY, int32_t paddingX, int32_t dilationY,
                                int32_t dilationX, int32_t O) {
  const Window w{B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, dilationY, dilationX};
  return conv_floats(w, O);
}

static void conv2d(int32_t B, int32_t C, int32_t height, int32_t width, int32_t kernelHeight, int32_t kernelWidth, int32_t strideY,
                   int32_t strideX, int32_t paddingY, int32_t paddingX, int32_t dilationY, int32_t dilationX, int32_t O, const float *x,
                   const float *weight, const float *bias, float *y, float *workspace) {
  const Window w{B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, dilationY, dilationX};
  convolve(w, O, x, weight, bias, y, workspace);
}

// ---- its gradients ----

/** The images are dealt out in so many parts at most, by B alone: a part sums dWeight by itself, and the parts are added in order. */
constexpr int32_t kConvParts = 8;

/** Whether dX is itself a convolution, of dY by the turned weight. */
static inline bool is_convolution_back(const Window &w) {
  return w.strideY == 1 && w.strideX == 1 && w.paddingY < w.reachY() && w.paddingX < w.reachX();
}

/** y = conv(x):  dX = conv(dY by weight turned half a circle, its channels exchanged), padded so that the sizes are x's. */
static inline Window window_back(const Window &w, int32_t O) {
  return {w.B, O, w.outHeight(), w.outWidth(), w.kernelHeight, w.kernelWidth, 1, 1, w.reachY() - 1 - w.paddingY, w.reachX() - 1 - w.paddingX, w.dilationY, w.dilationX};
}

/** What a thread needs for dWeight: a patch, columns [K, positions], and dY's panels. */
static inline int32_t conv_positions(const Window &w) { return round_up(conv_rows(w) * w.outWidth(), 16) + W; }
static inline int32_t conv_weight_floats(const Window &w, int32_t O) {
  return round_up(Patch::floats(w) + conv_positions(w) * w.K() + conv_positions(w) * round_up(O, kColumns), 16);
}
/** And for dX where that is no convolution: the gradient of columns, and of a patch's padded input. */
static inline int32_t conv_input_floats(const Window &w, int32_t O) {
  const int32_t n = conv_rows(w) * w.outWidth();
  return round_up(conv_positions(w) * w.K() + Patch::padded_floats(w) + block_floats(w.K(), n, O), 16);
}

static int32_t conv2d_backward_workspace(int32_t B, int32_t C, int32_t height, int32_t width, int32_t kernelHeight, int32_t kernelWidth,
                                         int32_t strideY, int32_t strideX, int32_t paddingY, int32_t paddingX, int32_t dilationY,
                                         int32_t dilationX, int32_t O) {
  const Window w{B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, dilationY, dilationX};
  const int32_t sums = smaller(B, kConvParts) * round_up(O * (w.K() + 1), 16);
  const int32_t forWeight = sums + thread_count() * conv_weight_floats(w, O);
  const int32_t forInput = is_convolution_back(w) ? round_up(O * w.K(), 16) + conv_floats(window_back(w, O), w.C)
                                                  : thread_count() * conv_input_floats(w, O);
  return larger(forWeight, forInput);
}

/** dWeightᵀ [K, O] = Σ_b columns_b [K, P] · dYᵀ_b [P, O], and dBias [O] = Σ dY behind it, of images begin … end − 1. */
static inline void conv_weight_part(const Window &w, int32_t O, int32_t begin, int32_t end, const float *x, const float *dY, float *sums,
                                    bool wantsWeight, float *workspace) {
  const int32_t P = w.out(), K = w.K(), most = conv_rows(w), width = w.outWidth(), ld = conv_positions(w);
  const Cut strips(w.outHeight(), most), taps(K, kRows);
  float *columns = workspace + Patch::floats(w), *panels = columns + ptrdiff_t(ld) * K, *bias = sums + ptrdiff_t(O) * K;
  __builtin_memset(sums, 0, size_t(O) * (K + 1) * sizeof(float));
  for (int32_t b = begin; b < end; b++) {
    const float *image = x + size_t(b) * w.C * w.in(), *gradient = dY + size_t(b) * O * P;
    for (int32_t o = 0; o < O; o++) bias[o] += sum_of(gradient + ptrdiff_t(o) * P, P);
    if (!wantsWeight) continue;
    for (int s = 0; s < strips.parts; s++) {
      const int32_t first = strips.start(s);
      const Patch patch(w, first, strips.start(s + 1) - first, workspace, workspace + Patch::padded_floats(w));
      patch.fill(image);
      const int32_t n = patch.rows * width;
      for (int32_t k = 0; k < K; k++) patch.column_row(k, columns + ptrdiff_t(k) * ld);
      const Cut depths(n, kDepth);
      for (int d = 0; d < depths.parts; d++) {
        const int32_t p = depths.start(d), depth = depths.start(d + 1) - p;
        pack_panels(O, depth, gradient + ptrdiff_t(first) * width + p, true, P, panels);
        for (int32_t o = 0; o < O; o += kColumns) {
          const int panelRow = panel_width(O - o), wanted = smaller(panelRow, O - o);
          for (int r = 0; r < taps.parts; r++) {
            const int k = taps.start(r), size = taps.start(r + 1) - k;
            tile_of<false>(size, depth, columns + ptrdiff_t(k) * ld + p, ld, panels + ptrdiff_t(o) * depth, panelRow,
                           sums + ptrdiff_t(k) * O + o, O, wanted, Into::Add, nullptr);
          }
        }
      }
    }
  }
}

/** dX where strides leave gaps: dColumns [K, P] = weightᵀ · dY, and each of them added to where it came from. */
static inline void conv_input_image(const Window &w, int32_t O, const float *weight, const float *dY, float *dX, float *workspace) {
  const int32_t P = w.out(), K = w.K(), most = conv_rows(w), width = w.outWidth(), wide = w.paddedWidth();
  const Cut strips(w.outHeight(), most);
  float *columns = workspace, *padded = columns + ptrdiff_t(conv_positions(w)) * K, *blocks = padded + Patch::padded_floats(w);
  __builtin_memset(dX, 0, size_t(w.C) * w.in() * sizeof(float));
  for (int s = 0; s < strips.parts; s++) {
    const int32_t first = strips.start(s), rows = strips.start(s + 1) - first, n = rows * width;
    const int32_t inRows = (rows - 1) * w.strideY + w.reachY();
    multiply_blocked(K, n, O, weight, true, K, dY + ptrdiff_t(first) * width, false, P, columns, n, nullptr, false, blocks);
    __builtin_memset(padded, 0, size_t(w.C) * inRows * wide * sizeof(float));
    const float *from = columns;
    for (int32_t c = 0; c < w.C; c++) {
      for (int32_t i = 0; i < w.kernelHeight; i++) {
        for (int32_t j = 0; j < w.kernelWidth; j++) {
          float *to = padded + (ptrdiff_t(c) * inRows + i * w.dilationY) * wide + j * w.dilationX;
          for (int32_t r = 0; r < rows; r++, to += ptrdiff_t(wide) * w.strideY, from += width) {
            for (int32_t v = 0; v < width; v++) to[v * w.strideX] += from[v];
          }
        }
      }
    }
    for (int32_t c = 0; c < w.C; c++) {
      for (int32_t i = 0; i < inRows; i++) {
        const int32_t y = first * w.strideY - w.paddingY + i;
        if (y < 0 || y >= w.height) continue;
        const float *row = padded + (ptrdiff_t(c) * inRows + i) * wide;
        float *to = dX + (size_t(c) * w.height + y) * w.width;
        for (int32_t j = larger(w.paddingX, 0); j < wide && j - w.paddingX < w.width; j++) to[j - w.paddingX] += row[j];
      }
    }
  }
}

/** dX, dWeight and dBias may be null: not wanted. */
static void conv2d_backward(int32_t B, int32_t C, int32_t height, int32_t width, int32_t kernelHeight, int32_t kernelWidth,
                            int32_t strideY, int32_t strideX, int32_t paddingY, int32_t paddingX, int32_t dilationY, int32_t dilationX,
                            int32_t O, const float *x, const float *weight, const float *dY, float *dX, float *dWeight, float *dBias,
                            float *workspace) {
  const Window w{B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, dilationY, dilationX};
  const int32_t K = w.K(), P = w.out();
  const int64_t work = int64_t(B) * P * K * O;
  if (dWeight != nullptr || dBias != nullptr) {
    const int32_t parts = smaller(B, kConvParts), size = round_up(O * (K + 1), 16);
    const int threads = smaller(worthwhile_threads(work), larger(parts, 1));
    float *scratch = workspace + ptrdiff_t(parts) * size;
    share(threads, [&](int thread) {
      const int32_t last = int32_t(int64_t(parts) * (thread + 1) / threads);
      for (int32_t part = int32_t(int64_t(parts) * thread / threads); part < last; part++) {
        conv_weight_part(w, O, int32_t(int64_t(B) * part / parts), int32_t(int64_t(B) * (part + 1) / parts), x, dY,
                         workspace + ptrdiff_t(part) * size, dWeight != nullptr, scratch + ptrdiff_t(thread) * conv_weight_floats(w, O));
      }
    });
    for (int32_t part = 0; part < parts; part++) {
      const float *sums = workspace + ptrdiff_t(part) * size;
      for (int32_t o = 0; o < O; o++) {
        if (dBias != nullptr) dBias[o] += sums[ptrdiff_t(O) * K + o];
        for (int32_t k = 0; dWeight != nullptr && k < K; k++) dWeight[ptrdiff_t(o) * K + k] += sums[ptrdiff_t(k) * O + o];
      }
    }
  }
  if (dX == nullptr) return;
  if (is_convolution_back(w)) {
    const int32_t taps = kernelHeight * kernelWidth;
    for (int32_t o = 0; o < O; o++) {
      for (int32_t c = 0; c < C; c++) {
        for (int32_t tap = 0; tap < taps; tap++) {
          workspace[(ptrdiff_t(c) * O + o) * taps + tap] = weight[(ptrdiff_t(o) * C + c) * taps + taps - 1 - tap];
        }
      }
    }
    convolve(window_back(w, O), C, dY, workspace, nullptr, dX, workspace + round_up(O * K, 16));
    return;
  }
  const int threads = smaller(worthwhile_threads(work), larger(B, 1));
  share(threads, [&](int thread) {
    const int32_t last = int32_t(int64_t(B) * (thread + 1) / threads);
    for (int32_t b = int32_t(int64_t(B) * thread / threads); b < last; b++) {
      conv_input_image(w, O, weight, dY + size_t(b) * O * P, dX + size_t(b) * C * w.in(), workspace + ptrdiff_t(thread) * conv_input_floats(w, O));
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
