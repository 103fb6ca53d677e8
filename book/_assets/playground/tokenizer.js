// Byte-level BPE: text is cut into words, a word into bytes, and neighbouring pieces are merged in the learnt order.
'use strict';
var playground = playground ?? {};

playground.Tokenizer = class Tokenizer {
  // vocabulary: the tokens by number; merges: pairs "a b", the first one learnt first; special: tokens that stand for
  // no text. Tokens are written with one letter for each byte.
  constructor({ vocabulary, merges, special }) {
    this.vocabulary = vocabulary;
    this.numbers = new Map(vocabulary.map((token, number) => [token, number]));
    this.ranks = new Map(merges.map((pair, rank) => [pair, rank]));
    this.special = new Set(special);
    this.letters = Tokenizer.lettersOfBytes();
    this.bytes = new Map(this.letters.map((letter, byte) => [letter, byte]));
    const escaped = special.map((token) => token.replace(/[|\\{}()[\]^$+*?.]/g, '\\$&'));
    this.aroundSpecial = new RegExp(`(${escaped.join('|')})`);
    this.words = new RegExp(
      "'(?:[stmd]|re|ve|ll)| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+"
      + '|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+', 'gu');
  }

  // Printable bytes are their own letter; the others take the letters from U+0100 on.
  static lettersOfBytes() {
    let next = 256;
    return Array.from({ length: 256 }, (_, byte) => {
      const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
      return String.fromCharCode(printable ? byte : next++);
    });
  }

  encode(text) {
    const numbers = [];
    for (const part of text.split(this.aroundSpecial)) {
      if (this.special.has(part)) numbers.push(this.numbers.get(part));
      else for (const word of part.match(this.words) ?? []) numbers.push(...this.encodeWord(word));
    }
    return numbers;
  }

  encodeWord(word) {
    const pieces = Array.from(new TextEncoder().encode(word), (byte) => this.letters[byte]);
    for (;;) {
      let best = Infinity;
      let place = -1;
      for (let i = 0; i + 1 < pieces.length; i++) {
        const rank = this.ranks.get(`${pieces[i]} ${pieces[i + 1]}`) ?? Infinity;
        if (rank < best) [best, place] = [rank, i];
      }
      if (place < 0) return pieces.map((piece) => this.numbers.get(piece));
      pieces.splice(place, 2, pieces[place] + pieces[place + 1]);
    }
  }

  bytesOf(number) {
    const token = this.vocabulary[number];
    return this.special.has(token) ? [] : Array.from(token, (letter) => this.bytes.get(letter));
  }

  // The tokens' text, without special ones.
  decode(numbers) {
    const bytes = numbers.flatMap((number) => this.bytesOf(number));
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  }

  // A token as a reader may see it: in quotation marks, because a space may belong to it.
  shown(number) {
    const token = this.vocabulary[number];
    if (this.special.has(token)) return token;
    return `‘${this.decode([number]).replaceAll('\n', '⏎')}’`;
  }
};
