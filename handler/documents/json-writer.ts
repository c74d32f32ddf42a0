// Writes JSON in place, as the bytes of a request: joining texts first and copying them into bytes afterwards costs several times as
// much, plus garbage collection.

/** Of a slab: the bytes that are allocated at a time. */
const MIN_SLAB_BYTES = 256 * 1024;
/** Up to this length a loop is cheaper than a call of the runtime. */
const MAX_LOOP_CHARACTERS = 40;
/** Up to this length three bytes per character are allocated, without counting them first. */
const MAX_UNCOUNTED_CHARACTERS = 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TILDE = 0x7e;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** A range of written bytes within a shared buffer. */
export interface ByteRange {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Joins ranges in order, into as few parts as possible without copying: ranges that were written in sequence are adjacent. */
export function joined(ranges: readonly ByteRange[]): Buffer[] {
  const parts: Buffer[] = [];
  let open: { buffer: Buffer; from: number; to: number } | undefined;
  for (const { buffer, from, to } of ranges) {
    if (open?.buffer === buffer && open.to === from) {
      open.to = to;
      continue;
    }
    if (open !== undefined) parts.push(open.buffer.subarray(open.from, open.to));
    open = { buffer, from, to };
  }
  if (open !== undefined) parts.push(open.buffer.subarray(open.from, open.to));
  return parts;
}

/** Writes one range of JSON after the other; each is taken, or dropped, before the next one begins. */
export class JsonWriter {
  readonly #limit: number;
  readonly #tooLong: () => Error;
  #slab = Buffer.alloc(0);
  /** The begin of the open range in the slab, and the position of the next byte. */
  #from = 0;
  #at = 0;

  /**
   * @param limit maximum bytes of a range
   * @param tooLong creates the error for a longer range, which the method that notices it throws: at the latest `take`
   */
  constructor(limit: number, tooLong: () => Error) {
    this.#limit = limit;
    this.#tooLong = tooLong;
  }

  /** Bytes of the open range. */
  get length(): number {
    return this.#at - this.#from;
  }

  /** One character of ASCII, by its code. */
  character(code: number): void {
    if (this.#at === this.#slab.length) this.#grow(1);
    this.#slab[this.#at++] = code;
  }

  /** Bytes that are JSON already; meant for few of them. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#at + length > this.#slab.length) this.#grow(length);
    const slab = this.#slab;
    let at = this.#at;
    for (let i = 0; i < length; i++) slab[at++] = bytes[i] ?? 0;
    this.#at = at;
  }

  /** Text of ASCII that is JSON already. */
  ascii(text: string): void {
    const { length } = text;
    if (length > MAX_LOOP_CHARACTERS) {
      this.text(text);
      return;
    }
    if (this.#at + length > this.#slab.length) this.#grow(length);
    const slab = this.#slab;
    let at = this.#at;
    for (let i = 0; i < length; i++) slab[at++] = text.charCodeAt(i);
    this.#at = at;
  }

  /** Any text that is JSON already. */
  text(text: string): void {
    const bytes = text.length <= MAX_UNCOUNTED_CHARACTERS ? 3 * text.length : Buffer.byteLength(text);
    if (this.#at + bytes > this.#slab.length) this.#grow(bytes);
    this.#at += this.#slab.write(text, this.#at);
  }

  /** A text as a JSON string. */
  string(text: string): void {
    if (text.length > MAX_LOOP_CHARACTERS || !this.#plain(text)) this.text(JSON.stringify(text));
  }

  /**
   * A short number without an exponent, as most are: the grammar of JSON is checked on the way.
   * @returns false if it is another number, or not a number: then nothing is written
   */
  decimal(text: string): boolean {
    const { length } = text;
    if (length > MAX_LOOP_CHARACTERS) return false;
    if (this.#at + length > this.#slab.length) this.#grow(length);
    const slab = this.#slab;
    let at = this.#at;
    /** The begin of the digits that are required: of the number, then after its point. */
    let digits = text.charCodeAt(0) === MINUS ? 1 : 0;
    let fraction = false;
    if (text.charCodeAt(digits) === ZERO && digits + 1 < length && text.charCodeAt(digits + 1) !== POINT) return false;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code === POINT && !fraction && i > digits) {
        fraction = true;
        digits = i + 1;
      } else if ((code < ZERO || code > NINE) && i >= digits) {
        return false;
      }
      slab[at++] = code;
    }
    if (digits >= length) return false;
    this.#at = at;
    return true;
  }

  /** Drops all of the open range except its first `length` bytes. */
  truncate(length: number): void {
    this.#at = this.#from + length;
  }

  /** Drops the same bytes and returns them as text. */
  cut(length: number): string {
    const text = this.#slab.toString('utf8', this.#from + length, this.#at);
    this.truncate(length);
    return text;
  }

  /** Ends the open range. Its bytes stay unchanged. */
  take(): ByteRange {
    if (this.length > this.#limit) throw this.#tooLong();
    const range = { buffer: this.#slab, from: this.#from, to: this.#at };
    this.#from = this.#at;
    return range;
  }

  /** Writes a short text that needs no escape, as most do. @returns false if it needs one */
  #plain(text: string): boolean {
    const { length } = text;
    if (this.#at + length + 2 > this.#slab.length) this.#grow(length + 2);
    const slab = this.#slab;
    let at = this.#at;
    slab[at++] = QUOTE;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code < SPACE || code > TILDE || code === QUOTE || code === BACKSLASH) return false;
      slab[at++] = code;
    }
    slab[at++] = QUOTE;
    this.#at = at;
    return true;
  }

  /** Makes room for so many bytes. The ranges that were taken keep the old slab alive as long as they are used. */
  #grow(bytes: number): void {
    const { length } = this;
    const needed = length + bytes;
    // For a short text more bytes are requested than it may have.
    if (needed > this.#limit + 3 * MAX_UNCOUNTED_CHARACTERS) throw this.#tooLong();
    const slab = Buffer.allocUnsafeSlow(Math.max(MIN_SLAB_BYTES, needed, Math.min(2 * needed, this.#limit)));
    this.#slab.copy(slab, 0, this.#from, this.#at);
    this.#slab = slab;
    this.#from = 0;
    this.#at = length;
  }
}
