import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrameRecorder } from '../capture/sink.ts';
import type { Gatherer, Venue } from '../events/event.ts';
import type { Clock, Micros } from '../units/time.ts';
import { readSegmentManifest } from './finished-segment.ts';
import { FrameGroup } from './frame-group.ts';
import { type LineHead, lineHead } from './line-buffer.ts';
import type { ObjectStore } from './object-store.ts';
import { connectionGroup, OPEN_SUFFIX, parseSegmentFileName, segmentKey } from './segment-name.ts';
import { recoverSegment } from './segment-recovery.ts';
import { SegmentUploader } from './segment-uploader.ts';

export interface RawRecorderOptions {
  readonly venue: Venue;
  readonly gatherer: Gatherer;
  /** Identifies this process life; no two may share it. */
  readonly epoch: string;
  /** For segments not yet uploaded; a folder of its own for each venue and gatherer is made in it. */
  readonly directory: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly after: (millis: number, action: () => void) => () => void;
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  /** A crash or a loss of power loses at most what came since the last flush; 5,000 by default. */
  readonly flushMillis?: number;
  /** Written earlier with so many bytes waiting, so that a crash of the process loses no more; 1 MiB by default. */
  readonly flushBytes?: number;
  /** A segment is finished at this age, 300,000 by default, */
  readonly segmentMillis?: number;
  /** or at so many compressed bytes, 64 MiB by default. */
  readonly segmentBytes?: number;
  /** With so much waiting for a disk that refuses, further frames are counted and not kept; 64 MiB by default. */
  readonly memoryLimitBytes?: number;
  readonly groupOf?: (connection: string) => string;
  readonly onProblem?: (problem: RecorderProblem) => void;
}

export type RecorderProblem =
  | {
      readonly kind: 'write_failed' | 'upload_failed' | 'recovery_failed';
      readonly file: string;
      readonly message: string;
    }
  /** Frames are being dropped from the recording (not from the capture) because the disk refuses. */
  | { readonly kind: 'recording_suspended'; readonly group: string }
  | {
      readonly kind: 'recovered';
      readonly file: string;
      readonly lines: number;
      readonly lost_bytes: number;
      readonly kept_aside: string | null;
    };

/** The recorder in numbers. Totals count from the start of the process. */
export interface RecorderFigures {
  readonly recorded_lines: number;
  readonly raw_bytes: number;
  /** Frames that a refusing disk kept out of the recording. */
  readonly dropped_lines: number;
  readonly memory_bytes: number;
  readonly write_failures: number;
  readonly segments_finished: number;
  readonly segments_recovered: number;
  readonly segments_uploaded: number;
  readonly uploaded_bytes: number;
  readonly upload_failures: number;
  readonly segments_waiting: number;
  readonly waiting_bytes: number;
}

const MOST_CONNECTIONS = 10_000;

interface RecordedConnection {
  readonly group: FrameGroup;
  readonly frame: LineHead;
  readonly sent: LineHead;
  readonly binary: LineHead;
}

/** What `close` left on this disk; the next life uploads it. */
export interface RecorderLeftovers {
  readonly segments: number;
  readonly bytes: number;
  readonly dropped_lines: number;
}

/**
 * Records every frame as received, before anything decodes it: JSON lines (`src/capture/recording.ts`) in
 * compressed segments, kept on disk until the object store has them. Taking a frame costs a copy of its bytes;
 * compression and disk run beside. Nothing here throws at the caller or stops the capture.
 */
export class RawRecorder implements FrameRecorder {
  readonly #options: RawRecorderOptions;
  readonly #directory: string;
  readonly #uploader: SegmentUploader;
  readonly #groups = new Map<string, FrameGroup>();
  readonly #byConnection = new Map<string, RecordedConnection>();
  readonly #groupOf: (connection: string) => string;
  readonly #onProblem: (problem: RecorderProblem) => void;
  #recovery: Promise<void> = Promise.resolve();
  #cancelTick: (() => void) | null = null;
  #closed = false;
  #recovered = 0;

  /** Makes the folder and begins, beside the recording, to finish and upload what an earlier life left. */
  static async open(options: RawRecorderOptions): Promise<RawRecorder> {
    const recorder = new RawRecorder(options);
    let left: string[] = [];
    try {
      await mkdir(recorder.#directory, { recursive: true });
      left = await readdir(recorder.#directory);
    } catch (error) {
      recorder.#onProblem({ kind: 'recovery_failed', file: recorder.#directory, message: String(error) });
    }
    recorder.#recovery = recorder.#recover(left).then(() => recorder.#uploader.notify());
    recorder.#tick();
    return recorder;
  }

  private constructor(options: RawRecorderOptions) {
    this.#options = options;
    this.#directory = join(options.directory, `${options.venue}-${options.gatherer}`);
    this.#groupOf = options.groupOf ?? connectionGroup;
    this.#onProblem = (problem) => {
      try {
        options.onProblem?.(problem);
      } catch {
        // The listener's own fault; there is nobody to tell.
      }
    };
    this.#uploader = new SegmentUploader({
      directory: this.#directory,
      store: options.store,
      keyOf: (file) => {
        const name = parseSegmentFileName(file);
        return name === null ? null : segmentKey(options.venue, options.gatherer, name);
      },
      after: options.after,
      random: options.random,
      failed: (file, message) => this.#onProblem({ kind: 'upload_failed', file, message }),
    });
  }

  received(at: Micros, connection: string, frame: string | Uint8Array): void {
    if (this.#closed) return;
    const known = this.#connection(connection);
    if (typeof frame === 'string') known.group.add(at, known.frame, frame);
    else {
      const { buffer, byteOffset, byteLength } = frame;
      known.group.add(at, known.binary, Buffer.from(buffer, byteOffset, byteLength).toString('base64'));
    }
  }

  receivedText(at: Micros, connection: string, bytes: Uint8Array): void {
    if (this.#closed) return;
    const known = this.#connection(connection);
    known.group.add(at, known.frame, bytes);
  }

  sent(at: Micros, connection: string, frame: string): void {
    if (this.#closed) return;
    const { group, sent } = this.#connection(connection);
    group.add(at, sent, frame);
  }

  figures(): RecorderFigures {
    const sum = (of: (group: FrameGroup) => number): number =>
      [...this.#groups.values()].reduce((total, group) => total + of(group), 0);
    return {
      recorded_lines: sum((group) => group.recordedLines),
      raw_bytes: sum((group) => group.rawBytes),
      dropped_lines: sum((group) => group.droppedLines),
      memory_bytes: sum((group) => group.memoryBytes),
      write_failures: sum((group) => group.writeFailures),
      segments_finished: sum((group) => group.segmentsFinished),
      segments_recovered: this.#recovered,
      segments_uploaded: this.#uploader.uploaded,
      uploaded_bytes: this.#uploader.uploadedBytes,
      upload_failures: this.#uploader.failures,
      segments_waiting: this.#uploader.waiting.files,
      waiting_bytes: this.#uploader.waiting.bytes,
    };
  }

  /** Everything taken so far is in the files, and lasts, when this resolves, unless the disk refuses. */
  async flush(): Promise<void> {
    await Promise.all([...this.#groups.values()].map((group) => group.flush()));
  }

  /** Finishes every segment and uploads within the limit. Frames that come later are not recorded. */
  async close(limitMillis: number): Promise<RecorderLeftovers> {
    this.#closed = true;
    this.#cancelTick?.();
    await Promise.all([...this.#groups.values()].map((group) => group.finish()));
    await new Promise<void>((resolve) => {
      const cancel = this.#options.after(limitMillis, resolve);
      void this.#recovery
        .then(() => this.#uploader.flush())
        .then(() => {
          cancel();
          resolve();
        });
    });
    await this.#uploader.stop();
    const { files, bytes } = this.#uploader.waiting;
    return { segments: files, bytes, dropped_lines: this.figures().dropped_lines };
  }

  #connection(name: string): RecordedConnection {
    let known = this.#byConnection.get(name);
    if (known === undefined) {
      // Every reconnect makes a new name.
      if (this.#byConnection.size >= MOST_CONNECTIONS) this.#byConnection.clear();
      known = {
        group: this.#group(this.#groupOf(name)),
        frame: lineHead(name, 'frame'),
        sent: lineHead(name, 'sent'),
        binary: lineHead(name, 'binary'),
      };
      this.#byConnection.set(name, known);
    }
    return known;
  }

  #group(name: string): FrameGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      const { epoch, clock, flushBytes, segmentMillis, segmentBytes, memoryLimitBytes } = this.#options;
      group = new FrameGroup({
        name,
        epoch,
        directory: this.#directory,
        clock,
        flushBytes: flushBytes ?? 1024 * 1024,
        segmentMillis: segmentMillis ?? 300_000,
        segmentBytes: segmentBytes ?? 64 * 1024 * 1024,
        memoryLimitBytes: memoryLimitBytes ?? 64 * 1024 * 1024,
        finished: () => this.#uploader.notify(),
        writeFailed: (file, message) => this.#onProblem({ kind: 'write_failed', file, message }),
        suspended: () => this.#onProblem({ kind: 'recording_suspended', group: name }),
      });
      this.#groups.set(name, group);
    }
    return group;
  }

  #tick(): void {
    this.#cancelTick = this.#options.after(this.#options.flushMillis ?? 5_000, () => {
      for (const group of this.#groups.values()) void group.flush();
      if (!this.#closed) this.#tick();
    });
  }

  /** Segments that an earlier life left open, or whose manifest was lost with the power: those are opened again. */
  async #unfinished(left: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const file of left) {
      if (file.endsWith(OPEN_SUFFIX)) found.push(file);
      if (parseSegmentFileName(file) === null) continue;
      const path = join(this.#directory, file);
      try {
        await readSegmentManifest(path);
      } catch {
        try {
          await rename(path, path + OPEN_SUFFIX);
          found.push(file + OPEN_SUFFIX);
        } catch (error) {
          this.#onProblem({ kind: 'recovery_failed', file, message: String(error) });
        }
      }
    }
    return found;
  }

  async #recover(left: readonly string[]): Promise<void> {
    for (const file of await this.#unfinished(left)) {
      const target = file.endsWith(OPEN_SUFFIX) ? file.slice(0, -OPEN_SUFFIX.length) : null;
      const name = target === null ? null : parseSegmentFileName(target);
      if (target === null || name === null) continue;
      try {
        const found = await recoverSegment(join(this.#directory, file), join(this.#directory, target));
        this.#recovered++;
        const lines = found.manifest?.lines ?? 0;
        this.#onProblem({
          kind: 'recovered',
          file,
          lines,
          lost_bytes: found.lostBytes + found.lostRawBytes,
          kept_aside: found.keptAside,
        });
      } catch (error) {
        this.#onProblem({ kind: 'recovery_failed', file, message: String(error) });
      }
    }
  }
}
