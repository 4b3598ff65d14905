/** A server that says what no HTTP server would say. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** Starts it on loopback; `answer` gets each connection, with the request that has come on it. */
export async function rawServer(answer: (socket: Socket, request: string) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}); // the client has gone: what it was told is what counts
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", (data) => answer(socket, data.toString("latin1")));
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
