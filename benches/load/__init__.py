"""The gateway under load, beside bare aiohttp doing the same work, in one interleaved run.

`python -m benches.load` starts a mock provider, two references and the gateway, each a process of its own:

    core A   gateway, bare handler, bare proxy   (one is loaded at a time)
    core B   wrk, mock provider

`cases` says what is compared, `rig` what runs where, `server` starts and meters processes, `generator`
saturates with wrk, `client` asks one call at a time, `report` prints the table and writes
`benches/out/load.json`. `python -m benches.load.profile CASE` draws a flame graph of a case.
"""
