// A small mail server: it takes mails over SMTP (RFC 5321), in clear and from everybody, and keeps them.

import { once } from "node:events";
import { createServer } from "node:net";
import { until } from "./product.mjs";

export class Post {
  #server = createServer((socket) => this.#talk(socket));
  #sockets = new Set();
  mails = [];

  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
  }

  stop() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #talk(socket) {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    const say = (line) => socket.write(`${line}\r\n`);
    let read = "";
    let mail = null;
    let to = [];
    socket.setEncoding("utf8");
    socket.on("data", (piece) => {
      read += piece;
      for (let end = read.indexOf("\r\n"); end >= 0; end = read.indexOf("\r\n")) {
        const line = read.slice(0, end);
        read = read.slice(end + 2);
        if (mail !== null) {
          if (line !== ".") mail += `${line.replace(/^\./, "")}\r\n`;
          else {
            this.mails.push({ to, text: textOf(mail) });
            [mail, to] = [null, []];
            say("250 taken");
          }
          continue;
        }
        if (/^RCPT/i.test(line)) to.push(line.match(/<(.*?)>/)[1]);
        if (/^DATA/i.test(line)) { mail = ""; say("354 go on"); } else if (/^QUIT/i.test(line)) socket.end("221 bye\r\n"); else say("250 ok");
      }
    });
    say("220 post ESMTP");
  }

  /** The newest mail to somebody, once there are so many. */
  async to(address, count = 1) {
    const theirs = () => this.mails.filter((mail) => mail.to.includes(address));
    await until(`mail ${count} to ${address}`, () => theirs().length >= count, 30_000);
    return theirs().at(-1).text;
  }
}

/** The text of a mail, whichever way it was packed. */
function textOf(mail) {
  const [head, body] = [mail.slice(0, mail.indexOf("\r\n\r\n")), mail.slice(mail.indexOf("\r\n\r\n") + 4)];
  if (/transfer-encoding: base64/i.test(head)) return Buffer.from(body, "base64").toString();
  if (!/transfer-encoding: quoted-printable/i.test(head)) return body;
  const bytes = body.replaceAll("=\r\n", "").replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}

/** The link in a mail. */
export function linkIn(text) {
  return text.match(/https?:\/\/\S+\/link#\S+/)[0];
}
