"""Stands in for systemd: gives a program its sockets (sd_listen_fds), writes down what it reports (sd_notify), forwards
SIGTERM, SIGHUP and SIGUSR2 to it, and starts it again as often as it is asked to. Knows nothing of the program.

serviceManager.py LOG RUNS [--watchdog USEC] [--socket NAME=HOST:PORT]... -- PROGRAM...
LOG gets one JSON list a message: its sender's process ID and its lines.
"""
import ctypes, json, os, signal, socket, struct, sys

FIRST_DESCRIPTOR = 3
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
prctl = ctypes.CDLL(None).prctl
log, runs, *words = sys.argv[1:]
end = words.index('--')
options, program = words[:end], words[end + 1:]
sockets, watchdog = [], None
for name, value in zip(options[::2], options[1::2]):
    if name == '--watchdog':
        watchdog = value
    else:
        title, where = value.split('=')
        host, port = where.rsplit(':', 1)
        sockets.append((title, socket.create_server((host, int(port)), backlog=512)))

notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
notify.bind('\0aegis-test-%d' % os.getpid())
notify.settimeout(0.05)
main = None


def start():
    global main
    main = os.fork()
    if main:
        return
    # A manager that is killed leaves nothing behind.
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    environment = dict(os.environ, NOTIFY_SOCKET='@' + notify.getsockname()[1:].decode())
    if watchdog:
        environment.update(WATCHDOG_USEC=watchdog, WATCHDOG_PID=str(os.getpid()))
    if sockets:
        environment.update(
            LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=':'.join(n for n, _ in sockets)
        )
    # High first: one may stand where another one goes.
    high = [os.dup2(each.fileno(), 100 + index) for index, (_, each) in enumerate(sockets)]
    for index, fd in enumerate(high):
        os.dup2(fd, FIRST_DESCRIPTOR + index)
        os.close(fd)
    os.execvpe(program[0], program, environment)


def forward(number, _frame):
    try:
        os.kill(main, number)
    except ProcessLookupError:
        pass


for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2):
    signal.signal(number, forward)


def receive():
    global main
    try:
        text, ancillary, _, _ = notify.recvmsg(8192, socket.CMSG_SPACE(12))
    except socket.timeout:
        return
    pid = struct.unpack('iII', ancillary[0][2])[0] if ancillary else 0
    lines = text.decode().split('\n')
    with open(log, 'a') as file:
        file.write(json.dumps([pid, lines]) + '\n')
    # As with NotifyAccess=main.
    if pid == main:
        for line in lines:
            if line.startswith('MAINPID='):
                main = int(line[8:])


# A process that took over is its child, once the one before has ended.
prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
for run in range(int(runs)):
    start()
    code = None
    while code is None:
        receive()
        # Every child that has ended; the service goes on as long as its main process does.
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            code = 1
            continue
        if ended and ended == main:
            code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
