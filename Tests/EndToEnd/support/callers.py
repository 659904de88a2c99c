"""Many callers at once on a few connections: requests are sent in batches, and answers come in their order."""

import json

from support.wire import Connection, request

PATIENCE = 60.0


class Request:
    """A request; those of one lane are decided in their order. `sale` is what it is about, for the one who asks."""

    def __init__(self, lane, method, path, body=None, credential=None, idempotency=None, sale=None):
        self.lane, self.sale = lane, sale
        fields = [f"Authorization: Bearer {credential}"] if credential else []
        if idempotency:
            fields.append(f"Idempotency-Key: {idempotency.replace(' ', '-')}")
        if body is not None:
            fields.append("Content-Type: application/json")
        self.bytes = request(method, path, fields, json.dumps(body).encode() if body is not None else None)


class Callers:
    """Keep-alive connections to one service."""

    # What waits for answers must fit into what a connection takes before it wants to be read.
    BATCH = 40

    def __init__(self, port, count=4):
        self.port = port
        self.connections = [Connection(port, PATIENCE) for _ in range(count)]

    def close(self):
        """Close all."""
        for connection in self.connections:
            connection.close()

    def ask(self, method, path, fields, body=None):
        """Send one request; return its answer."""
        answer = self.connections[0].ask(method, path, fields, body)
        if answer.closes:
            self.connections[0].close()
            self.connections[0] = Connection(self.port, PATIENCE)
        return answer

    def together(self, requests):
        """Return the answers in the order of the requests."""
        answers = [None] * len(requests)
        lanes = [[] for _ in self.connections]
        for index, each in enumerate(requests):
            lanes[each.lane % len(lanes)].append(index)
        while any(lanes):
            for connection, lane in zip(self.connections, lanes):
                connection.send(b"".join(requests[index].bytes for index in lane[:self.BATCH]))
            for connection, lane in zip(self.connections, lanes):
                for index in lane[:self.BATCH]:
                    answers[index] = connection.answer()
                del lane[:self.BATCH]
        return answers
