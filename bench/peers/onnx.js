/** One LSTM layer as an ONNX file: the few protobuf messages of onnx.proto that this takes, written by hand. */

/**
 * X [T, B, I], h0 and c0 [1, B, H] to Y [T, 1, B, H], hn and cn [1, B, H].
 *
 * @param {{ T: number, B: number, inputSize: number, hiddenSize: number, weightIh: Float32Array, weightHh: Float32Array, bias: Float32Array }} layer
 *   gates in ONNX's order i, o, f, c; `bias` [8H] is both biases
 * @returns {Uint8Array} an ONNX model, opset 14
 */
export function lstmModel({ T, B, inputSize: I, hiddenSize: H, weightIh, weightHh, bias }) {
  const node = [
    ...['X', 'W', 'R', 'B', '', 'h0', 'c0'].map((name) => text(1, name)),
    ...['Y', 'hn', 'cn'].map((name) => text(2, name)),
    text(4, 'LSTM'),
    message(5, [text(1, 'hidden_size'), integer(3, H), integer(20, attributeInt)]),
  ];
  const graph = [
    message(1, node),
    text(2, 'lstm'),
    message(5, initializer('W', [1, 4 * H, I], weightIh)),
    message(5, initializer('R', [1, 4 * H, H], weightHh)),
    message(5, initializer('B', [1, 8 * H], bias)),
    message(11, value('X', [T, B, I])),
    message(11, value('h0', [1, B, H])),
    message(11, value('c0', [1, B, H])),
    message(12, value('Y', [T, 1, B, H])),
    message(12, value('hn', [1, B, H])),
    message(12, value('cn', [1, B, H])),
  ];
  const irVersion = 8;
  const opset = 14;
  return concatenate([integer(1, irVersion), message(7, graph), message(8, [integer(2, opset)])]);
}

const float32 = 1;
const attributeInt = 2;

function initializer(name, dims, values) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return [...dims.map((n) => integer(1, n)), integer(2, float32), text(8, name), field(9, bytes)];
}

function value(name, dims) {
  const shape = message(
    2,
    dims.map((n) => message(1, [integer(1, n)])),
  );
  return [text(1, name), message(2, [message(1, [integer(1, float32), shape])])];
}

function integer(number, value) {
  return Uint8Array.from([...varint(number * 8), ...varint(value)]);
}

function text(number, value) {
  return field(number, new TextEncoder().encode(value));
}

function message(number, fields) {
  return field(number, concatenate(fields));
}

function field(number, bytes) {
  return concatenate([Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

function concatenate(parts) {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
