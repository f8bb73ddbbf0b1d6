"""The original ltq in Python, enqueuing and draining messages that do nothing.

What a reader would question: the batch is not what --concurrency says, except with --setting as-asked. This library
takes as many messages at a time as it may run at once, so a low concurrency would slow down its fetching too; without
the option its workers use 250.
"""

import argparse
import asyncio
import json
import sys
import time

import ltq
import uvloop

QUEUE = "peer"
CHUNK = 1_000  # messages of one send_bulk

# Setting: messages per batch (None: --concurrency), event loop.
SETTINGS = {
    "batch-250": (250, "uvloop"),
    "batch-1000": (1_000, "uvloop"),
    "as-asked": (None, "uvloop"),
    "asyncio": (250, "asyncio"),
}


async def enqueue(url: str, messages: int) -> None:
    worker = ltq.Worker(url=url)

    @worker.task(queue_name=QUEUE)
    async def noop(text: str) -> None:
        pass

    started = time.perf_counter()
    left = messages
    while left > 0:
        count = min(left, CHUNK)
        await noop.send_bulk([noop.message("x" * 80) for _ in range(count)])
        left -= count
    report(messages, started, f"send_bulk of {CHUNK:,}, hiredis, uvloop")
    await worker.client.aclose()


async def drain(url: str, messages: int, batch: int, loop: str) -> None:
    worker = ltq.Worker(url=url, concurrency=batch)
    runs = 0
    all_ran = asyncio.Event()

    @worker.task(queue_name=QUEUE)
    async def noop(text: str) -> None:
        nonlocal runs
        runs += 1
        if runs == messages:
            all_ran.set()

    started = time.perf_counter()
    running = asyncio.create_task(worker.run())
    ended = asyncio.create_task(all_ran.wait())
    await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    # The set of what is being processed is gone once the last batch is acknowledged.
    while await worker.client.exists(noop.queue.processing_key):
        await asyncio.sleep(0.001)
    report(messages, started, f"batches of {batch:,}, acknowledged, hiredis, {loop}")
    running.cancel()
    await asyncio.wait({running})
    await worker.client.aclose()


def report(messages: int, started: float, setting: str) -> None:
    per_second = messages / (time.perf_counter() - started)
    print(json.dumps({"per_second": per_second, "setting": setting}))


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures ltq on a Redis server that is running.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("enqueue", "drain"):
        command = commands.add_parser(name)
        command.add_argument("--url", required=True, help="the address of the server")
        command.add_argument("--messages", required=True, type=positive, help="how many messages")
        if name == "drain":
            command.add_argument("--concurrency", required=True, type=positive, help="for the setting as-asked")
            command.add_argument("--setting", choices=SETTINGS, default="batch-250", help="batch and event loop")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    if args.command == "enqueue":
        uvloop.run(enqueue(args.url, args.messages))
        return 0
    batch, loop = SETTINGS[args.setting]
    run = uvloop.run if loop == "uvloop" else asyncio.run
    run(drain(args.url, args.messages, batch or args.concurrency, loop))
    return 0


if __name__ == "__main__":
    sys.exit(main())
