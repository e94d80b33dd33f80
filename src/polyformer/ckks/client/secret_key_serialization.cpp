#include "polyformer/ckks/client/secret_key_serialization.h"

#include <cstdint>
#include <span>
#include <vector>

#include "polyformer/ckks/client/sampling.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

void write_secret_key(ByteSink& sink, const Parameters& parameters, const SecretKey& secret) {
    ContainerWriter writer(sink, make_header(kinds::kSecretKey, parameters, secret.key_fingerprint(), 1));
    const auto coefficients = std::as_bytes(secret.coefficients());
    writer.section(coefficients.size(), [&](SectionWriter& section) { section.write(coefficients); });
    writer.finish();
}

SecretKey read_secret_key(const ByteSource& source, const Parameters& parameters, ReadOptions options) {
    const ContainerReader reader(source, options);
    reader.expect_kind(kinds::kSecretKey);
    reader.expect_parameters(parameters);
    require<FormatError>(reader.sections() == 1, "'{}': a secret key has one section, this file has {}", source.name(),
                         reader.sections());
    SectionReader section = reader.section(0);
    require<FormatError>(section.length() == parameters.ring_dimension(),
                         "'{}': {} secret coefficients, the parameters need {}", source.name(), section.length(),
                         parameters.ring_dimension());
    std::vector<std::int8_t> coefficients(parameters.ring_dimension());
    const std::span<std::int8_t> view(coefficients);
    const WipeOnExit<std::int8_t> wipe_unless_moved(view);
    section.read(std::as_writable_bytes(view));
    section.finish();
    return SecretKey::from_coefficients(parameters, coefficients, reader.header().key_fingerprint);
}

void save_secret_key(const std::filesystem::path& path, const Parameters& parameters, const SecretKey& secret) {
    FileSink sink(path, FileAccess::owner_only);
    write_secret_key(sink, parameters, secret);
    sink.commit();
}

SecretKey load_secret_key(const std::filesystem::path& path, const Parameters& parameters) {
    return read_secret_key(FileSource(path), parameters);
}

void write_fresh_evaluation_keys(ByteSink& sink, const Parameters& parameters, const SecretKey& secret,
                                 const KeyRequest& request, const ShareCallback& progress) {
    const std::size_t count = static_cast<std::size_t>(request.relinearisation) +
                              static_cast<std::size_t>(request.conjugation) + (request.bootstrapping ? 2 : 0) +
                              request.rotation_levels.size();
    const KeyGenerator generator(parameters, secret);
    EvaluationKeysWriter writer(sink, parameters, secret.key_fingerprint(), count);
    std::size_t done = 0;
    const auto write = [&](KeyRole role, int step, const SwitchingKey& key) {
        writer.write(role, step, key);
        ++done;
        if (progress) progress(static_cast<double>(done) / static_cast<double>(count));
    };
    if (request.relinearisation) {
        write(KeyRole::relinearisation, 0, generator.relinearisation_key(request.relinearisation_level));
    }
    if (request.conjugation) write(KeyRole::conjugation, 0, generator.conjugation_key(request.conjugation_level));
    if (request.bootstrapping) {
        // The two encapsulation keys come from one ephemeral secret, so they are made together.
        KeyRequest encapsulation;
        encapsulation.relinearisation = false;
        encapsulation.bootstrapping = true;
        const EvaluationKeys keys = generator.evaluation_keys(encapsulation);
        write(KeyRole::dense_to_sparse, 0, keys.dense_to_sparse.value());
        write(KeyRole::sparse_to_dense, 0, keys.sparse_to_dense.value());
    }
    for (const auto& [step, level] : request.rotation_levels) {
        write(KeyRole::rotation, step, generator.rotation_key(step, level));
    }
    writer.finish();
}

}  // namespace polyformer::ckks
