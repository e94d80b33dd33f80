// polyformer._ckks: the scheme by itself, both sides of the line of trust.
#include <nanobind/nanobind.h>
#include <nanobind/stl/complex.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <complex>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "keep_secret.h"
#include "long_call.h"
#include "module.h"
#include "polyformer/ckks/ckks.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/progress.h"
#include "running_calls.h"

namespace polyformer::python {

namespace {

using namespace ckks;
using namespace nb::literals;
using Complex = std::complex<double>;
using Released = nb::call_guard<WithoutGil>;
using KeysPointer = std::shared_ptr<const EvaluationKeys>;

ParametersLiteral preset(const std::string& name, std::size_t ring) {
    if (name == "bootstrapping_65536") return presets::bootstrapping_65536();
    if (name == "leveled_16384") return presets::leveled_16384();
    if (name == "leveled_32768") return presets::leveled_32768();
    require(name == "insecure_bootstrapping",
            "there are no parameters '{}': there are bootstrapping_65536, leveled_16384, leveled_32768 and, for tests, "
            "insecure_bootstrapping",
            name);
    return presets::insecure_bootstrapping(ring);
}

Parameters make_parameters(const std::string& name, std::size_t ring) {
    ParametersLiteral literal = preset(name, ring);
    if (name != "insecure_bootstrapping" && ring != 0) {  // the same chain in a small ring: for tests
        literal.ring_dimension = ring;
        literal.security = Security::insecure;
    }
    return Parameters::create(literal);
}

void bind_parameters(nb::module_& module) {
    nb::class_<Parameters>(module, "Parameters")
        .def_static("preset", make_parameters, "name"_a, "insecure_ring_dimension"_a = 0, Released())
        .def_prop_ro("ring_dimension", &Parameters::ring_dimension)
        .def_prop_ro("slots", &Parameters::slots)
        .def_prop_ro("working_level", &Parameters::working_level)
        .def_prop_ro("max_level", &Parameters::max_level)
        .def_prop_ro("log2_qp", &Parameters::log2_qp)
        .def_prop_ro("security_bits", &Parameters::security_bits)
        .def_prop_ro("can_bootstrap", &Parameters::can_bootstrap)
        .def_prop_ro("bootstrapping_input_level", &Parameters::bootstrapping_input_level)
        .def_prop_ro("log2_bootstrap_failure",
                     [](const Parameters& parameters) {
                         require(parameters.can_bootstrap(), "these parameters cannot bootstrap");
                         const BootstrappingLiteral& literal = *parameters.literal().bootstrapping;
                         return log2_bootstrap_failure(parameters.ring_dimension(), literal.ephemeral_secret_weight,
                                                       literal.interval);
                     })
        .def_prop_ro("fingerprint", &Parameters::fingerprint)
        .def("scale", &Parameters::scale, "level"_a);
}

void bind_keys(nb::module_& module) {
    nb::class_<SecretKey> secret(module, "SecretKey");
    keep_secret(secret, "a SecretKey");
    secret.def_static("generate", &SecretKey::generate, "parameters"_a, Released())
        .def_static(
            "load",
            [](const std::filesystem::path& file, const Parameters& parameters) {
                return load_secret_key(file, parameters);
            },
            "file"_a, "parameters"_a, Released())
        .def(
            "save",
            [](const SecretKey& key, const std::filesystem::path& file, const Parameters& parameters) {
                FileSink sink(file, FileAccess::secret_key);
                write_secret_key(sink, parameters, key);
                sink.commit();
            },
            "file"_a, "parameters"_a, Released())
        .def_prop_ro("key_fingerprint", &SecretKey::key_fingerprint);
    const nb::class_<PublicKey> public_key(module, "PublicKey");
    nb::class_<KeyRequest>(module, "KeyRequest")
        .def(nb::init<>())
        .def("add_relinearisation", &KeyRequest::add_relinearisation, "parameters"_a, "level"_a)
        .def("add_conjugation", &KeyRequest::add_conjugation, "parameters"_a, "level"_a)
        .def("add_rotation", nb::overload_cast<const Parameters&, long, int>(&KeyRequest::add_rotation), "parameters"_a,
             "step"_a, "level"_a)
        .def("merge", &KeyRequest::merge, "other"_a)
        .def("memory_bytes", &KeyRequest::memory_bytes, "parameters"_a)
        .def("file_bytes", &KeyRequest::file_bytes, "parameters"_a)
        .def_prop_ro("rotation_levels", [](const KeyRequest& request) { return request.rotation_levels; });
    nb::class_<EvaluationKeys>(module, "EvaluationKeys").def_prop_ro("bytes", &EvaluationKeys::bytes);
    module.def(
        "public_key",
        [](const Parameters& parameters, const SecretKey& key) { return KeyGenerator(parameters, key).public_key(); },
        "parameters"_a, "secret"_a, Released());
    module.def(
        "evaluation_keys",
        [](const Parameters& parameters, const SecretKey& key, KeyRequest request,
           const nb::object& progress) {  // a copy: others may add to it
            return long_call(progress, [&] {
                Progress making("generating keys", 1);
                return std::make_shared<EvaluationKeys>(
                    KeyGenerator(parameters, key).evaluation_keys(request, [&](std::size_t done, std::size_t total) {
                        making.update(static_cast<double>(done) / static_cast<double>(total));
                    }));
            });
        },
        "parameters"_a, "secret"_a, "request"_a, "progress"_a.none());
}

template <class T>
void bind_metadata(nb::class_<T>& bound) {
    bound.def_prop_ro("level", [](const T& of) { return of.level; })
        .def_prop_ro("scale", [](const T& of) { return of.scale; })
        .def_prop_ro("slots", [](const T& of) { return of.slots; });
}

void bind_ciphertexts(nb::module_& module) {
    nb::class_<Plaintext> encoded(module, "Plaintext");
    bind_metadata(encoded);
    nb::class_<Ciphertext> encrypted(module, "Ciphertext");
    bind_metadata(encrypted);
    encrypted.def_prop_ro("bytes", &Ciphertext::bytes).def_prop_ro("components", [](const Ciphertext& of) {
        return of.components.size();
    });
    const nb::class_<HoistedCiphertext> hoisted(module, "HoistedCiphertext");
    nb::class_<Encoder>(module, "Encoder")
        .def(nb::init<Parameters>(), "parameters"_a)
        .def(
            "encode",
            [](const Encoder& encoder, const Vector<double>& values, int level, double scale) {
                return encoder.encode(std::span(values.data(), values.size()), level, scale);
            },
            nb::arg("values").noconvert(), "level"_a, "scale"_a, Released())
        .def(
            "encode",
            [](const Encoder& encoder, const Vector<Complex>& values, int level, double scale) {
                return encoder.encode(std::span(values.data(), values.size()), level, scale);
            },
            nb::arg("values").noconvert(), "level"_a, "scale"_a, Released())
        .def(
            "decode",
            [](const Encoder& encoder, const Plaintext& plaintext) {
                std::vector<Complex> values;
                {
                    const WithoutGil without_gil;
                    values = encoder.decode(plaintext);
                }
                const std::size_t count = values.size();
                return to_numpy(std::move(values), {count});
            },
            "plaintext"_a);
    module.def("encrypt", nb::overload_cast<const Parameters&, const SecretKey&, const Plaintext&>(encrypt),
               "parameters"_a, "key"_a, "plaintext"_a, Released());
    module.def("encrypt", nb::overload_cast<const Parameters&, const PublicKey&, const Plaintext&>(encrypt),
               "parameters"_a, "key"_a, "plaintext"_a, Released());
    module.def("decrypt", decrypt, "parameters"_a, "secret"_a, "ciphertext"_a, Released());
}

void bind_evaluator(nb::module_& module) {
    nb::class_<Evaluator>(module, "Evaluator")
        .def(nb::new_([](const Parameters& parameters, const std::shared_ptr<EvaluationKeys>& keys) {
                 return Evaluator(parameters, keys);
             }),
             "parameters"_a, "keys"_a)
        .def(
            "add", [](const Evaluator& by, const Ciphertext& a, const Ciphertext& b) { return by.add(a, b); }, "a"_a,
            "b"_a, Released())
        .def(
            "add", [](const Evaluator& by, const Ciphertext& a, const Plaintext& b) { return by.add(a, b); }, "a"_a,
            "b"_a, Released())
        .def("subtract", &Evaluator::subtract, "a"_a, "b"_a, Released())
        .def("negate", &Evaluator::negate, "a"_a, Released())
        .def("add_constant", &Evaluator::add_constant, "a"_a, "constant"_a, Released())
        .def(
            "multiply", [](const Evaluator& by, const Ciphertext& a, const Ciphertext& b) { return by.multiply(a, b); },
            "a"_a, "b"_a, Released())
        .def(
            "multiply", [](const Evaluator& by, const Ciphertext& a, const Plaintext& b) { return by.multiply(a, b); },
            "a"_a, "b"_a, Released())
        .def("multiply_and_rescale", &Evaluator::multiply_and_rescale, "a"_a, "b"_a, Released())
        .def("multiply_constant", &Evaluator::multiply_constant, "a"_a, "constant"_a, "scale"_a = 0.0, Released())
        .def("multiply_integer", &Evaluator::multiply_integer, "a"_a, "factor"_a, Released())
        .def("square", &Evaluator::square, "a"_a, Released())
        .def("rescale", &Evaluator::rescale, "a"_a, "levels"_a = 1, Released())
        .def("drop_to_level", &Evaluator::drop_to_level, "a"_a, "level"_a, Released())
        .def("adjust", &Evaluator::adjust, "a"_a, "level"_a, Released())
        .def(
            "rotate", [](const Evaluator& by, const Ciphertext& a, long step) { return by.rotate(a, step); }, "a"_a,
            "step"_a, Released())
        .def(
            "rotate", [](const Evaluator& by, const HoistedCiphertext& a, long step) { return by.rotate(a, step); },
            "a"_a, "step"_a, Released())
        .def(
            "conjugate", [](const Evaluator& by, const Ciphertext& a) { return by.conjugate(a); }, "a"_a, Released())
        .def(
            "hoist", [](const Evaluator& by, Ciphertext a) { return by.hoist(std::move(a)); }, "a"_a, Released())
        .def(
            "sum_slots",
            [](const Evaluator& by, const Ciphertext& a, std::size_t count, std::size_t stride) {
                return long_call(nb::none(), [&] { return by.sum_slots(a, count, stride); });
            },
            "a"_a, "count"_a, "stride"_a = 1)
        .def(
            "chebyshev",
            [](const Evaluator& by, const Ciphertext& a, const Vector<double>& coefficients) {
                const ChebyshevSeries series{{coefficients.data(), coefficients.data() + coefficients.size()}, {}};
                return long_call(nb::none(), [&] { return evaluate_chebyshev(by, series, a); });
            },
            "a"_a, "coefficients"_a);
}

void bind_bootstrapper(nb::module_& module) {
    nb::class_<Bootstrapper>(module, "Bootstrapper")
        .def(nb::new_([](const Parameters& parameters, std::size_t slots, double key_price) {
                 return long_call(nb::none(), [&] { return Bootstrapper(parameters, slots, key_price); });
             }),
             "parameters"_a, "slots"_a, "key_price"_a = 0.0)
        .def_static("key_request", &Bootstrapper::key_request, "parameters"_a, "slots"_a, "key_price"_a = 0.0,
                    Released())
        .def_prop_ro("bytes", &Bootstrapper::bytes)
        .def(
            "bootstrap",
            [](const Bootstrapper& bootstrapper, const Evaluator& evaluator, const Ciphertext& a) {
                return long_call(nb::none(), [&] { return bootstrapper.bootstrap_real(evaluator, a); });
            },
            "evaluator"_a, "a"_a)
        .def(
            "bootstrap_pair",
            [](const Bootstrapper& bootstrapper, const Evaluator& evaluator, const Ciphertext& a, const Ciphertext& b) {
                return long_call(nb::none(), [&] { return bootstrapper.bootstrap_pair(evaluator, a, b); });
            },
            "evaluator"_a, "a"_a, "b"_a);
}

}  // namespace

}  // namespace polyformer::python

NB_MODULE(_ckks, module) {
    using namespace polyformer::python;
    begin_module(module);
    bind_parameters(module);
    bind_keys(module);
    bind_ciphertexts(module);
    bind_evaluator(module);
    bind_bootstrapper(module);
}
