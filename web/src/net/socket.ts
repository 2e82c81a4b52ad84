/** One WebSocket at a time. Of one that was let go, nothing more is heard. */
export class Socket {
  #socket: WebSocket | null = null;
  readonly #url: string;
  readonly #opened: () => void;
  readonly #received: (frame: string) => void;
  readonly #closed: () => void;

  constructor(
    url: string,
    on: { opened: () => void; received: (frame: string) => void; closed: () => void },
  ) {
    this.#url = url;
    this.#opened = on.opened;
    this.#received = on.received;
    this.#closed = on.closed;
  }

  open(): void {
    this.close();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    const ifPresent = (run: () => void) => () => {
      if (this.#socket === socket) run();
    };
    socket.addEventListener("open", ifPresent(this.#opened));
    socket.addEventListener("close", ifPresent(this.#closed));
    socket.addEventListener("message", (event) => {
      if (this.#socket === socket && typeof event.data === "string") this.#received(event.data);
    });
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  transmit(frame: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }
}
