"""Ends of logs as programs write them when they fail, and what each says: the words of its signature."""

from __future__ import annotations

TB = "Traceback (most recent call last):\n"


def python(error: str, *frames: str, after: str = "", before: str = "epoch 3 loss 0.25\n") -> str:
    """Return a log that ends with a traceback; a frame is `file:line:function`."""
    lines = []
    for frame in frames or ("/home/eve/lm/train.py:31:main",):
        path, line, function = frame.split(":")
        lines.append(f'  File "{path}", line {line}, in {function}\n    x = y\n')
    return f"{before}{TB}{''.join(lines)}{error}\n{after}"


def prefixed(prefix: str, text: str) -> str:
    """Return a log whose lines all have a prefix, as launchers of several processes print them."""
    return "".join(f"{prefix}{line}\n" for line in text.splitlines())


_WANDB = """wandb:
wandb: Run history:
wandb:  loss █▆▄▂▁
wandb: Run summary:
wandb:  loss 0.1
wandb: You can sync this run to the cloud by running:
wandb: wandb sync /home/eve/lm/wandb/offline-run-20261123_174411-k3v9x2ab
"""
_CHILD = """E1123 17:44:11.1 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: 1) local_rank: 0
Traceback (most recent call last):
  File "/venv/bin/torchrun", line 8, in <module>
    sys.exit(main())
  File "/venv/lib/python3.12/site-packages/torch/distributed/launcher/api.py", line 264, in launch_agent
    raise ChildFailedError(
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-23_17:44:11
  rank      : 0 (local_rank: 0)
============================================================
"""
_CHAIN = (
    f'{TB}  File "a.py", line 1, in read\n    open(p)\nFileNotFoundError: [Errno 2] No such file or directory: '
    "'/data/a.csv'\n\nDuring handling of the above exception, another exception occurred:\n\n"
    f'{TB}  File "a.py", line 9, in main\n    read()\nRuntimeError: no data\n'
)
_GROUP = (
    "  + Exception Group Traceback (most recent call last):\n"
    '  |   File "/w/t.py", line 5, in <module>\n  |     raise ExceptionGroup("many", [ValueError(3)])\n'
    "  | ExceptionGroup: many (1 sub-exception)\n  +-+---------------- 1 ----------------\n"
    "    | ValueError: 3\n    +------------------------------------\n"
)
_JAVA = """INFO starting
Exception in thread "main" java.lang.IllegalStateException: Job aborted due to stage failure: Task 3 in stage 7.0
\tat org.apache.spark.scheduler.DAGScheduler.failJob(DAGScheduler.scala:2856)
\tat com.acme.Train.main(Train.java:42)
"""
_JAVA_CAUSE = """Exception in thread "main" java.lang.RuntimeException: failed
\tat com.acme.Train.main(Train.java:42)
Caused by: java.io.FileNotFoundException: /data/x-17.bin (No such file or directory)
\tat java.base/java.io.FileInputStream.open0(Native Method)
\tat com.acme.Data.load(Data.java:7)
\t... 1 more
"""
_NODE = """/srv/app/train.js:3
    throw new TypeError('x is not a function')
    ^

TypeError: x is not a function
    at step (/srv/app/train.js:3:11)
    at Object.<anonymous> (/srv/app/train.js:6:1)

Node.js v20.11.1
"""
_ASAN = """=================================================================
==8812==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x55d7 bp 0x7ffe sp 0x7ffd
READ of size 4 at 0x602000000010 thread T0
    #0 0x55d7a1 in step(float*) /src/train.cpp:12:5
    #1 0x55d7b2 in main /src/train.cpp:31:3
SUMMARY: AddressSanitizer: heap-use-after-free /src/train.cpp:12:5 in step(float*)
"""
_GO = """panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.step(...)
\t/home/eve/t.go:10
main.main()
\t/home/eve/t.go:15 +0x1d
exit status 2
"""
_JULIA = """ERROR: LoadError: DimensionMismatch: second dimension of A, 3, does not match length of x, 4
Stacktrace:
 [1] gemv!(y::Vector{Float64}, tA::Char) at LinearAlgebra/src/matmul.jl:404
 [2] top-level scope at /home/eve/t.jl:3
in expression starting at /home/eve/t.jl:3
"""
_FATAL = """Fatal Python error: Segmentation fault

Current thread 0x00007f3c4d7fa740 (most recent call first):
  File "/w/train.py", line 12 in step
  File "/w/train.py", line 31 in main

Extension modules: numpy.core._multiarray_umath, torch._C (total: 29)
"""
_CUDA_ASSERT = (
    "RuntimeError: CUDA error: device-side assert triggered\n"
    "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
_OOM = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.11 GiB "
    "of which 8.62 MiB is free. Process 8812 has 79.09 GiB memory in use."
)
_OOM_WORDS = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate # MiB. GPU # has a total capacity of # GiB "
    "of which # MiB is free. Process # has # GiB memory in use. (linear.py:forward)"
)
_LINEAR = "/venv/lib/python3.12/site-packages/torch/nn/modules/linear.py:125:forward"

_RUST_NOTE = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"

#: (log, what it says)
TAILS: list[tuple[str, str]] = [
    (
        python("ModuleNotFoundError: No module named 'foo'"),
        "ModuleNotFoundError: No module named 'foo' (train.py:main)",
    ),
    (python("KeyError: 'lr'"), "KeyError: 'lr' (train.py:main)"),
    (python("KeyboardInterrupt"), "KeyboardInterrupt (train.py:main)"),
    (python("AssertionError"), "AssertionError (train.py:main)"),
    (python("ValueError: lr=0.1 is too large"), "ValueError: lr=# is too large (train.py:main)"),
    (python("ValueError: loss is nan at step 1200"), "ValueError: loss is nan at step # (train.py:main)"),
    (
        python(
            "FileNotFoundError: [Errno 2] No such file or directory: '/data/a/train.csv'", "/w/io.py:7:load"
        ),
        "FileNotFoundError: [Errno #] No such file or directory: '<path>' (io.py:load)",
    ),
    (
        python("OSError: [Errno 28] No space left on device: 'out/ckpt/last.pt'"),
        "OSError: [Errno #] No space left on device: '<path>' (train.py:main)",
    ),
    (python(_OOM, _LINEAR), _OOM_WORDS),
    (
        python("torch.cuda.OutOfMemoryError: CUDA out of memory."),
        "torch.cuda.OutOfMemoryError: CUDA out of memory. (train.py:main)",
    ),
    (python(_CUDA_ASSERT.rstrip()), "RuntimeError: CUDA error: device-side assert triggered (train.py:main)"),
    (
        python("RuntimeError: CUDA error: no kernel image is available for execution on the device"),
        "RuntimeError: CUDA error: no kernel image is available for execution on the device (train.py:main)",
    ),
    (
        python("RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x512 and 256x10)", _LINEAR),
        "RuntimeError: mat# and mat# shapes cannot be multiplied (# and #) (linear.py:forward)",
    ),
    (
        python("RuntimeError: The size of tensor a (3) must match the size of tensor b (4) at dimension 1"),
        "RuntimeError: The size of tensor a (#) must match the size of tensor b (#) at dimension # (train.py:main)",
    ),
    (
        python("RuntimeError: DataLoader worker (pid 8812) is killed by signal: Killed."),
        "RuntimeError: DataLoader worker (pid #) is killed by signal: Killed. (train.py:main)",
    ),
    (
        python(
            "RuntimeError: NCCL error in: ../torch/csrc/distributed/NCCLUtils.hpp:275, unhandled system error"
        ),
        "RuntimeError: NCCL error in: <path>:#, unhandled system error (train.py:main)",
    ),
    (
        python(
            "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes."
        ),
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate # bytes. (train.py:main)",
    ),
    (
        python(
            "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='hf.co', port=443): Max retries exceeded with url: /api/x"
        ),
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='hf.co', port=#): Max retries exceeded with url: <path> (train.py:main)",
    ),
    (
        python("OSError: https://huggingface.co/x/resolve/main/config.json is not reachable"),
        "OSError: <url> is not reachable (train.py:main)",
    ),
    (
        python("AttributeError: <__main__.Model object at 0x7f3c4d7fa740> has no attribute 'fc'"),
        "AttributeError: <__main__.Model object at <address>> has no attribute 'fc' (train.py:main)",
    ),
    (
        python("sqlite3.OperationalError: database is locked"),
        "sqlite3.OperationalError: database is locked (train.py:main)",
    ),
    (python("ValueError: bad", after=_WANDB), "ValueError: bad (train.py:main)"),
    (
        python(
            "ValueError: bad",
            after="\nSet the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace.\n",
        ),
        "ValueError: bad (train.py:main)",
    ),
    (
        python("ValueError: bad", after="srun: error: node7: task 0: Exited with exit code 1\n"),
        "ValueError: bad (train.py:main)",
    ),
    (
        python("ValueError: bad", after="make: *** [Makefile:3: train] Error 1\n"),
        "ValueError: bad (train.py:main)",
    ),
    (prefixed("[rank0]: ", python("ValueError: bad")), "ValueError: bad (train.py:main)"),
    (prefixed("[rank3]:", python("ValueError: bad")), "ValueError: bad (train.py:main)"),
    (prefixed("0: ", python("ValueError: bad")), "ValueError: bad (train.py:main)"),
    (prefixed("(pid=8812) ", python("ValueError: bad")), "ValueError: bad (train.py:main)"),
    (prefixed("[rank0]: ", python("KeyError: 'x'")) + _CHILD, "KeyError: 'x' (train.py:main)"),
    (_CHILD, "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: (api.py:launch_agent)"),
    (_CHAIN, "RuntimeError: no data (a.py:main)"),
    (_GROUP, "ExceptionGroup: many (# sub-exception) (t.py:<module>)"),
    (
        f"{TB}  File \"train.py\", line 3\n    def x(\n         ^\nSyntaxError: '(' was never closed\n",
        "SyntaxError: '(' was never closed (train.py)",
    ),
    (
        '  File "/w/train.py", line 3\n    x = = 1\n        ^\nSyntaxError: invalid syntax\n',
        "SyntaxError: invalid syntax",
    ),
    (_FATAL, "Fatal Python error: Segmentation fault (train.py:step)"),
    (
        "ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory\n",
        "ImportError: libcudnn.so.#: cannot open shared object file: No such file or directory",
    ),
    (
        "usage: train.py [-h] --lr LR\ntrain.py: error: unrecognized arguments: --seed 4\n",
        "train.py: error: unrecognized arguments: --seed #",
    ),
    (
        "python: can't open file '/home/eve/lm/trian.py': [Errno 2] No such file or directory\n",
        "python: can't open file '<path>': [Errno #] No such file or directory",
    ),
    ("bash: line 1: torchrn: command not found\n", "bash: line #: torchrn: command not found"),
    ("step 10\nKilled\n", "Killed"),
    ("step 10\nSegmentation fault (core dumped)\n", "Segmentation fault (core dumped)"),
    ("Bus error (core dumped)\n", "Bus error (core dumped)"),
    ("Illegal instruction (core dumped)\n", "Illegal instruction (core dumped)"),
    (
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad shape 3\nAborted (core dumped)\n",
        "std::runtime_error: bad shape #",
    ),
    (
        "terminate called after throwing an instance of 'c10::Error'\n  what():  CUDA error: out of memory\nException raised from x at /b/c.cpp:44\n",
        "c10::Error: CUDA error: out of memory",
    ),
    ("terminate called without an active exception\nAborted\n", "terminate:"),
    ("free(): invalid pointer\nAborted (core dumped)\n", "free(): invalid pointer"),
    ("malloc(): corrupted top size\nAborted (core dumped)\n", "malloc(): corrupted top size"),
    ("*** stack smashing detected ***: terminated\nAborted\n", "*** stack smashing detected ***: terminated"),
    (
        "train: /src/step.cpp:12: int main(): Assertion `n > 0' failed.\nAborted (core dumped)\n",
        "Assertion `n > #' failed (step.cpp:int main())",
    ),
    (
        "train: ../src/step.cpp:99: void step(float*): Assertion `x' failed.\n",
        "Assertion `x' failed (step.cpp:void step(float*))",
    ),
    (_ASAN, "ERROR: AddressSanitizer: heap-use-after-free on address <address> (step(float*))"),
    (
        "thread 'main' panicked at src/main.rs:10:5:\nindex out of bounds: the len is 3 but the index is 7\n"
        + _RUST_NOTE,
        "panic: index out of bounds: the len is # but the index is # (main.rs)",
    ),
    (
        "thread 'worker-2' panicked at 'called `Option::unwrap()` on a `None` value', src/lib.rs:44:9\n",
        "panic: called `Option::unwrap()` on a `None` value (lib.rs)",
    ),
    (
        "thread 'main' (8812) panicked at src/a.rs:1:2:\nboom\n",
        "panic: boom (a.rs)",
    ),
    (_GO, "panic: runtime error: index out of range [#] with length # (main.step)"),
    (
        _JAVA,
        "java.lang.IllegalStateException: Job aborted due to stage failure: Task # in stage # (org.apache.spark.scheduler.DAGScheduler.failJob)",
    ),
    (
        _JAVA_CAUSE,
        "java.io.FileNotFoundException: <path> (No such file or directory) (java.io.FileInputStream.open0)",
    ),
    (_NODE, "TypeError: x is not a function (step)"),
    (
        _JULIA,
        "ERROR: LoadError: DimensionMismatch: second dimension of A, #, does not match length of x, # (gemv!)",
    ),
    (
        "Error in lm.fit(x, y) : NA/NaN/Inf in 'y'\nExecution halted\n",
        "Error in lm.fit(x, y) : NA/NaN/Inf in 'y'",
    ),
    (
        "slurmstepd: error: *** STEP 17.0 ON node7 CANCELLED ***\nsrun: Job step aborted\nloss diverged\n",
        "loss diverged",
    ),
    ("  3%|▎         | 10/300 [00:01<00:30,  9.2it/s]\n", "#%| #/# [#<#it/s]"),
    (python("ValueError: caught and told") + "step 7\n" * 50 + "cannot write out\n", "cannot write out"),
]
