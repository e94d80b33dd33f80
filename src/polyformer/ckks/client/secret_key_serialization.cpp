#include "polyformer/ckks/client/secret_key_serialization.h"

#include <cstdint>
#include <span>
#include <vector>

#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

void write_secret_key(ByteSink& sink, const Parameters& parameters, const SecretKey& secret) {
    check_secret(parameters, secret);
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

SecretKey load_secret_key(const std::filesystem::path& path, const Parameters& parameters) {
    return read_secret_key(FileSource(path), parameters);
}

void write_fresh_evaluation_keys(ByteSink& sink, const Parameters& parameters, const SecretKey& secret,
                                 const KeyRequest& request, const ShareCallback& progress) {
    const std::size_t count = request.keys(parameters).size();
    EvaluationKeysWriter writer(sink, parameters, secret.key_fingerprint(), count);
    std::size_t done = 0;
    KeyGenerator(parameters, secret).generate(request, [&](KeyId id, const SwitchingKey& key) {
        writer.write(id, key);
        ++done;
        if (progress) progress(static_cast<double>(done) / static_cast<double>(count));
    });
    writer.finish();
}

}  // namespace polyformer::ckks
