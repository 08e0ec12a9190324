# Images of one code: `cpu`, `speakers` with pyannote.audio, and `cuda` for transcribers on NVIDIA GPUs. Not built where this project is developed,
# which has no Docker: see README.md.

FROM python:3.11-slim AS cpu
# ffmpeg decodes with a third less processor time than the libraries that come with PyAV, and a crash of it stays its own.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*
# Named volumes take over the owner of the folder that they are mounted on.
RUN useradd --create-home --uid 10001 scriptorium \
    && install --directory --owner scriptorium /data /models
WORKDIR /app
# The packages first: a change of code does not install them again. alembic.ini, celeryconfig.py and models/ stand
# beside the packages, so the code runs from here and is installed as editable.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir core web worker scriptorium migrations models && touch celeryconfig.py \
    && pip install --no-cache-dir --constraint constraints.txt --editable '.[web,worker]'
COPY . .
RUN pip install --no-cache-dir --no-deps --editable .
ENV PYTHONUNBUFFERED=1 SCRIPTORIUM_DATA=/data HF_HOME=/models
USER scriptorium

FROM cpu AS speakers
USER root
RUN pip install --no-cache-dir --constraint constraints.txt --editable '.[worker,diarization]'
USER scriptorium

FROM cpu AS cuda
USER root
# CTranslate2 wants cuBLAS of CUDA 12, and no cuDNN.
RUN pip install --no-cache-dir 'nvidia-cublas-cu12>=12,<13'
ENV LD_LIBRARY_PATH=/usr/local/lib/python3.11/site-packages/nvidia/cublas/lib
USER scriptorium
