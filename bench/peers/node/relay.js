// A relay on Node's ws: `node relay.js ENGINE_URL` prints {"port": …}.
//
// Audio up and words down, as they come. ws masks with bufferutil, its optional native part.

import { WebSocket, WebSocketServer } from 'ws';

const QUERY = 'model=nova-3&encoding=linear16&sample_rate=16000&channels=1&interim_results=true';
const UPSTREAM = {
  perMessageDeflate: false,
  headers: { authorization: 'Token standin-key' },
};
const engine = `${process.argv[2]}/v1/listen?${QUERY}`;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 1024 });
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
server.on('connection', (client) => {
  client.on('error', () => client.terminate());
  client.once('message', (hello) => admit(client, JSON.parse(hello)));
});

function admit(client, hello) {
  if (hello.type !== 'auth' || !hello.token) {
    client.close(4401, 'unauthorized');
    return;
  }
  const upstream = new WebSocket(engine, UPSTREAM);
  upstream.on('open', () => {
    client.on('message', (data, isBinary) => {
      if (isBinary) upstream.send(data);
      else if (JSON.parse(data).type === 'stop') upstream.send('{"type":"CloseStream"}');
    });
    client.send('{"type":"ready"}');
  });
  upstream.on('message', (data) => client.send(data, { binary: false }));
  upstream.on('error', () => upstream.terminate());
  upstream.on('close', () => client.close(1000));
  client.on('close', () => upstream.terminate());
}
