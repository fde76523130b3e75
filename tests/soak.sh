#!/usr/bin/env bash
# Run the tests again and again, as a busy machine would, and write one line a run.
#
#     tests/soak.sh [-n RUNS] [-b BUSY] [-l LOG] [PYTEST_ARGUMENTS]
#
# Each run has a random order of its own, whose seed is in its line. In the last BUSY runs as many
# other programs as there are cores keep the machine busy. It ends with 1 if any run failed; the
# whole output of such a run stays beside the log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=.venv/bin/python
runs=20
busy=5
log=.soak/log
while getopts "n:b:l:" option; do
    case "${option}" in
        n) runs="${OPTARG}" ;;
        b) busy="${OPTARG}" ;;
        l) log="${OPTARG}" ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
mkdir -p "$(dirname "${log}")"

load=()
end_load() {
    if ((${#load[@]})); then
        kill "${load[@]}"
        wait "${load[@]}" || true
        load=()
    fi
}
trap end_load EXIT

begin_load() {
    for _ in $(seq "$("${python}" -c 'import os; print(os.cpu_count())')"); do
        "${python}" -c 'while True: pass' &
        load+=("$!")
    done
}

failures=0
for run in $(seq "${runs}"); do
    kind=idle
    if ((run > runs - busy)); then
        kind=busy
        begin_load
    fi
    seed=$((RANDOM * 32768 + RANDOM))
    output="$(dirname "${log}")/run-${run}.txt"
    began=${SECONDS}
    result=passed
    "${python}" -m pytest -n auto --dist worksteal --ignore=tests/packaging \
        --randomly-seed="${seed}" "$@" >"${output}" 2>&1 || result=FAILED
    end_load
    summary="$(tail -n 1 "${output}" | tr -d '=')"
    echo "run ${run} ${kind} seed ${seed} ${result} in $((SECONDS - began)) s:${summary}" |
        tee -a "${log}"
    if [[ "${result}" == passed ]]; then
        rm "${output}"
    else
        failures=$((failures + 1))
    fi
done
((failures == 0))
