/** A server that says what no HTTP server would say. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** Starts it on loopback; `answer` gets each connection once a request has come. */
export async function rawServer(answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // the client has gone: what it was told is what counts
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", () => answer(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), "close");
    },
  };
}
