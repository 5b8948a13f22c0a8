// Audio that was spoken, kept until its words are final, so that it can be sent again. Places are bytes since it began.

/** Keep so many bytes; of what was sent, the oldest goes first. */
export function keeping(most) {
  const pieces = [];
  let begin = 0;
  let sent = 0;
  let end = 0;
  let needed = 0;

  return {
    get begin() { return begin; },
    get sent() { return sent; },
    get end() { return end; },
    /** A piece more. */
    give(piece) {
      pieces.push(piece);
      end += piece.byteLength;
      drop();
    },
    /** The next piece that is to be sent, taken for sent; undefined where there is none. */
    next() {
      let at = begin;
      for (const piece of pieces) {
        if (at + piece.byteLength > sent) {
          const rest = piece.slice(sent - at);
          sent += rest.byteLength;
          drop();
          return rest;
        }
        at += piece.byteLength;
      }
      return undefined;
    },
    /** What was sent behind this place is to be sent again. */
    again(place) {
      sent = Math.min(Math.max(place, begin), end);
    },
    /** Nothing before this place is needed any more. */
    forget(place) {
      needed = Math.max(needed, place);
      drop();
    },
  };

  function drop() {
    while (pieces.length) {
      const next = begin + pieces[0].byteLength;
      if (next > sent || (next > needed && end - begin <= most)) return;
      pieces.shift();
      begin = next;
    }
  }
}
