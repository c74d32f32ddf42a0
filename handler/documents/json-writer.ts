// JSON as the bytes of a request, written in place: texts that are joined first and copied into bytes afterwards cost several times
// as much, and the garbage collector its share.

/** Bytes that are set aside at a time. */
const SLAB = 256 * 1024;
/** Characters up to which a loop is cheaper than a call of the runtime. */
const SHORT = 40;
/** Characters up to which three times as many bytes are set aside, without counting them first. */
const MIDDLE = 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TILDE = 0x7e;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** Bytes that were written, within those of others. */
export interface Piece {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Pieces one after the other, with as few parts as there can be without copying: those that were written in one go lie side by side. */
export function joined(pieces: readonly Piece[]): Buffer[] {
  const parts: Buffer[] = [];
  let open: { buffer: Buffer; from: number; to: number } | undefined;
  for (const { buffer, from, to } of pieces) {
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

/** Writes one piece of JSON after the other; each is taken, or dropped, before the next one begins. */
export class JsonWriter {
  readonly #limit: number;
  readonly #tooLong: () => Error;
  #slab = Buffer.alloc(0);
  /** Where the open piece begins in the slab, and where it goes on. */
  #from = 0;
  #at = 0;

  /**
   * @param limit bytes of a piece at most
   * @param tooLong what is thrown by the method that notices that a piece is longer: at the latest by `take`
   */
  constructor(limit: number, tooLong: () => Error) {
    this.#limit = limit;
    this.#tooLong = tooLong;
  }

  /** Bytes of the open piece. */
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
    if (length > SHORT) {
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
    const bytes = text.length <= MIDDLE ? 3 * text.length : Buffer.byteLength(text);
    if (this.#at + bytes > this.#slab.length) this.#grow(bytes);
    this.#at += this.#slab.write(text, this.#at);
  }

  /** A text as a JSON string. */
  string(text: string): void {
    if (text.length > SHORT || !this.#plain(text)) this.text(JSON.stringify(text));
  }

  /**
   * A short number without an exponent, as most are: the grammar of JSON is checked on the way.
   * @returns false where it is another one, or none: then nothing is written
   */
  decimal(text: string): boolean {
    const { length } = text;
    if (length > SHORT) return false;
    if (this.#at + length > this.#slab.length) this.#grow(length);
    const slab = this.#slab;
    let at = this.#at;
    /** Where the digits begin that must be there: of the number, then after its point. */
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

  /** Drops all of the open piece but its first `length` bytes. */
  truncate(length: number): void {
    this.#at = this.#from + length;
  }

  /** Drops the same and gives it back as text. */
  cut(length: number): string {
    const text = this.#slab.toString('utf8', this.#from + length, this.#at);
    this.truncate(length);
    return text;
  }

  /** Ends the open piece. The bytes stay as they are. */
  take(): Piece {
    if (this.length > this.#limit) throw this.#tooLong();
    const piece = { buffer: this.#slab, from: this.#from, to: this.#at };
    this.#from = this.#at;
    return piece;
  }

  /** Writes a short text that needs no escape, as most do. @returns false where it needs one */
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

  /** Makes room for so many bytes. The pieces that were taken keep the old slab alive as long as they are used. */
  #grow(bytes: number): void {
    const { length } = this;
    const needed = length + bytes;
    // Of a short text more bytes are asked for than it may have.
    if (needed > this.#limit + 3 * MIDDLE) throw this.#tooLong();
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB, needed, Math.min(2 * needed, this.#limit)));
    this.#slab.copy(slab, 0, this.#from, this.#at);
    this.#slab = slab;
    this.#from = 0;
    this.#at = length;
  }
}
