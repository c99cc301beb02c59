/** Sounds as numbers: from files, and from the microphone. */

export interface Sound {
  /** Of one channel, in [−1, 1]. */
  readonly samples: Float32Array<ArrayBuffer>;
  readonly sampleRateHz: number;
}

/** Any sound that the browser can read, mixed to one channel and brought to one rate. */
export async function soundOf(file: Blob, sampleRateHz: number): Promise<Sound> {
  const context = new OfflineAudioContext(1, 1, sampleRateHz);
  const buffer = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
    throw new Error('This is no sound that the browser can read; give a WAV file.');
  });
  const samples = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const one = buffer.getChannelData(channel);
    for (let k = 0; k < samples.length; k++) samples[k] += one[k] / buffer.numberOfChannels;
  }
  return { samples, sampleRateHz: buffer.sampleRate };
}

/** The sound as it is: what browsers take away for calls, echoes and noise, recordings that models learn from have. */
const untouched = { channelCount: 1, echoCancellation: false, noiseSuppression: false };

/** Records until it is told to stop. @throws Error where the microphone may not be used */
export async function record(): Promise<{ stop(): Promise<Blob> }> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: untouched }).catch(() => {
    throw new Error('The microphone cannot be used: the browser was not allowed to, or there is none.');
  });
  const recorder = new MediaRecorder(stream);
  const parts: Blob[] = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.start();
  return {
    stop: () =>
      new Promise((done) => {
        recorder.onstop = () => {
          for (const track of stream.getTracks()) track.stop();
          done(new Blob(parts, { type: recorder.mimeType }));
        };
        recorder.stop();
      }),
  };
}

/** The least and the greatest of each of so many stretches: a wave to draw. */
export function envelope({ samples }: Sound, count: number): [low: number, high: number][] {
  return Array.from({ length: count }, (_, k) => {
    let [low, high] = [0, 0];
    const end = Math.floor(((k + 1) * samples.length) / count);
    for (let i = Math.floor((k * samples.length) / count); i < end; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    return [low, high];
  });
}
