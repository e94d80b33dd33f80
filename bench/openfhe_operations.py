"""What compare_openfhe measures of OpenFHE, through its Python interface. Needs the package `openfhe`.

As a program, `openfhe_operations.py RUNS`: bootstraps RUNS times and prints the results as JSON."""

import gc
import json
import math
import sys
import time

import openfhe

RING_DIMENSION = 65536
SLOTS = RING_DIMENSION // 2


def memory_of_this_process(field):
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def resident_bytes():
    return memory_of_this_process("VmRSS")


def peak_bytes():
    return memory_of_this_process("VmHWM")


def seconds_of(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def enable(context, *features):
    for feature in (openfhe.PKE, openfhe.KEYSWITCH, openfhe.LEVELEDSHE, openfhe.ADVANCEDSHE, *features):
        context.Enable(feature)


def special_bits(limbs, digits, bits):
    """log2(P) by OpenFHE's rule: as many 60-bit primes as the largest digit needs."""
    return 60 * math.ceil(math.ceil(limbs / digits) * bits / 60)


def log2_q(plaintext):
    """Of a plaintext at the highest level; through decimal digits, as a float cannot hold Q."""
    return math.log2(int(str(plaintext.GetElementModulus())))


class Operations:
    """Operations at the top of a chain of `limbs` primes, with random keys; uniform ternary secret."""

    def __init__(self, limbs, digits, scale_bits, first_bits, degree):
        parameters = openfhe.CCParamsCKKSRNS()
        parameters.SetRingDim(RING_DIMENSION)
        parameters.SetBatchSize(SLOTS)
        parameters.SetMultiplicativeDepth(limbs - 1)
        parameters.SetScalingModSize(scale_bits)
        parameters.SetFirstModSize(first_bits)
        parameters.SetNumLargeDigits(digits)
        parameters.SetScalingTechnique(openfhe.FIXEDMANUAL)
        parameters.SetKeySwitchTechnique(openfhe.HYBRID)
        parameters.SetSecretKeyDist(openfhe.UNIFORM_TERNARY)
        parameters.SetSecurityLevel(openfhe.HEStd_128_classic)
        context = openfhe.GenCryptoContext(parameters)
        enable(context)
        keys = context.KeyGen()
        context.EvalMultKeyGen(keys.secretKey)
        context.EvalRotateKeyGen(keys.secretKey, [1])
        values = [math.sin(slot) for slot in range(SLOTS)]
        plaintext = context.MakeCKKSPackedPlaintext(values)
        last_limb = context.MakeCKKSPackedPlaintext(values, 1, limbs - 1)
        first = context.Encrypt(keys.publicKey, plaintext)
        second = context.Encrypt(keys.publicKey, plaintext)
        product = context.EvalMult(first, second)
        digits_of_first = context.EvalFastRotationPrecompute(first)
        order = context.GetCyclotomicOrder()
        coefficients = [1 / (k + 1) for k in range(degree + 1)]
        self.description = {
            "limbs": limbs,
            "digits": digits,
            "log2_q": log2_q(plaintext),
            "log2_qp": log2_q(plaintext) + special_bits(limbs, digits, scale_bits),
            "special_limbs": special_bits(limbs, digits, scale_bits) // 60,
        }

        def there_and_back(text):
            text.SetFormat(openfhe.Format.COEFFICIENT)
            text.SetFormat(openfhe.Format.EVALUATION)

        # Name: (work, how many of the operation it does, runs in a round).
        self.operations = {
            "ntt_one_limb": (lambda: there_and_back(last_limb), 2, 15),
            "ntt_all_limbs": (lambda: there_and_back(plaintext), 2, 5),
            "add": (lambda: context.EvalAdd(first, second), 1, 7),
            "multiply_plain": (lambda: context.EvalMult(first, plaintext), 1, 7),
            "rescale": (lambda: context.Rescale(product), 1, 5),
            "hoist": (lambda: context.EvalFastRotationPrecompute(first), 1, 5),
            "rotate_hoisted": (lambda: context.EvalFastRotation(first, 1, order, digits_of_first), 1, 5),
            "rotate": (lambda: context.EvalRotate(first, 1), 1, 5),
            "multiply_relinearise": (lambda: context.EvalMult(first, second), 1, 5),
            "chebyshev": (lambda: context.EvalChebyshevSeries(first, coefficients, -1.0, 1.0), 1, 1),
        }

    def measure_round(self):
        """Seconds of every operation: name -> list."""
        seconds = {}
        for name, (work, count, runs) in self.operations.items():
            work()
            seconds[name] = [seconds_of(work) / count for _ in range(runs)]
        return seconds


def bootstrap_context(digits, level_budget, scale_bits, first_bits):
    """The deepest chain that OpenFHE accepts as 128-bit secure; returns (context, depth)."""
    error = None
    for depth in range(30, 10, -1):
        parameters = openfhe.CCParamsCKKSRNS()
        parameters.SetRingDim(RING_DIMENSION)
        parameters.SetMultiplicativeDepth(depth)
        parameters.SetScalingModSize(scale_bits)
        parameters.SetFirstModSize(first_bits)
        parameters.SetNumLargeDigits(digits)
        parameters.SetScalingTechnique(openfhe.FLEXIBLEAUTO)
        parameters.SetSecretKeyDist(openfhe.SPARSE_ENCAPSULATED)
        parameters.SetSecurityLevel(openfhe.HEStd_128_classic)
        try:
            context = openfhe.GenCryptoContext(parameters)
        except RuntimeError as refused:
            error = refused
            continue
        enable(context, openfhe.FHE)
        return context, depth
    raise RuntimeError(f"OpenFHE accepts no depth for a bootstrap at ring dimension {RING_DIMENSION}: {error}")


class Bootstrap:
    """A bootstrap of full slots with sparse-secret encapsulation, transforms in OpenFHE's default order."""

    def __init__(self, digits=4, level_budget=(3, 3), scale_bits=59, first_bits=60):
        self.context, depth = bootstrap_context(digits, level_budget, scale_bits, first_bits)
        self.depth = depth
        before = resident_bytes()
        self.context.EvalBootstrapSetup(list(level_budget), [0, 0], SLOTS)
        self.keys = self.context.KeyGen()
        self.context.EvalMultKeyGen(self.keys.secretKey)
        after_setup = resident_bytes()
        self.context.EvalBootstrapKeyGen(self.keys.secretKey, SLOTS)
        gc.collect()
        self.values = [math.sin(slot * slot) for slot in range(SLOTS)]
        plaintext = self.context.MakeCKKSPackedPlaintext(self.values, 1, depth - 1)
        top = self.context.MakeCKKSPackedPlaintext(self.values)
        self.input = self.context.Encrypt(self.keys.publicKey, plaintext)
        self.output = None
        self.description = {
            "digits": digits,
            "level_budget": list(level_budget),
            "level_bits": scale_bits,
            "depth": depth,
            "log2_qp": log2_q(top) + special_bits(depth + 1, digits, scale_bits),
            "setup_bytes": after_setup - before,
            "rotation_key_bytes": resident_bytes() - after_setup,
            "level_before": self.levels_of(self.input),
        }

    def levels_of(self, ciphertext):
        """Rescalings that a ciphertext has before it."""
        return self.depth - ciphertext.GetLevel() - (ciphertext.GetNoiseScaleDeg() - 1)

    def run(self):
        self.output = self.context.EvalBootstrap(self.input)

    def results(self):
        """Levels and precision of the last run: −log2 of the absolute error, its mean over slots and the worst."""
        opened = self.context.Decrypt(self.output, self.keys.secretKey)
        opened.SetLength(SLOTS)
        found = opened.GetRealPackedValue()
        bits = [-math.log2(max(abs(a - b), 2.0**-60)) for a, b in zip(self.values, found)]
        left = self.levels_of(self.output)
        return {
            **self.description,
            "levels_left": left,
            "levels_gained": left - self.description["level_before"],
            "mean_bits": sum(bits) / len(bits),
            "worst_bits": min(bits),
        }


def measure_bootstrap(runs):
    """A run to warm up, then `runs` measured ones."""
    bootstrap = Bootstrap()
    bootstrap.run()
    seconds = [seconds_of(bootstrap.run) for _ in range(runs)]
    return {**bootstrap.results(), "all_seconds": seconds, "peak_bytes": peak_bytes()}


if __name__ == "__main__":
    print(json.dumps(measure_bootstrap(int(sys.argv[1]))))
