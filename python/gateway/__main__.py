"""The command line, as `gateway` and as `python -m gateway`."""

import signal


def main() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(
            signal.SIGINT, signal.SIG_DFL
        )  # Ctrl-C ends a command at once, without a traceback from an import

    from gateway.cli import main as run

    run()


if __name__ == "__main__":
    main()
