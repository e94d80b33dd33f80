#include "polyformer/service/client.h"

#include <algorithm>
#include <cmath>
#include <complex>

#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/ckks/scheme/encoder.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::service {

KeyFiles create_keys(const ClientPlan& plan, const std::filesystem::path& secret_path,
                     const std::filesystem::path& server_path, WeakParameters weak, const ShareCallback& progress,
                     std::uint64_t most_bytes) {
    const ckks::Parameters& parameters = plan.frame.parameters;
    require(weak == WeakParameters::allow || parameters.security_bits() >= 128,
            "this plan's parameters ({}) promise {} bits of security: data encrypted with them can be read by others. "
            "Ask for a plan with 128-bit parameters",
            ckks::describe(parameters.literal()), parameters.security_bits());
    const std::size_t bytes = plan.keys.file_bytes(parameters);
    require(
        bytes <= most_bytes,
        "this plan asks for {} of server keys, more than the {} that are made without being asked for: check where it "
        "comes from; if it is meant, allow it (keygen: --most-key-bytes)",
        format_bytes(static_cast<double>(bytes)), format_bytes(static_cast<double>(most_bytes)));
    require(secret_path.lexically_normal() != server_path.lexically_normal(),
            "the secret key and the server's keys cannot both go to '{}'", secret_path.string());
    const ckks::SecretKey secret = ckks::SecretKey::generate(parameters);
    ckks::FileSink server_file(server_path);
    ckks::FileSink secret_file(secret_path, FileAccess::secret_key);
    ckks::write_secret_key(secret_file, parameters, secret);
    ckks::write_fresh_evaluation_keys(server_file, parameters, secret, plan.keys, progress);
    // The large file first: should the disk be full after all, no secret key without its server keys is left.
    server_file.commit();
    secret_file.commit();
    return {secret_file.written(), server_file.written()};
}

Request make_request(const ClientPlan& plan, const ckks::SecretKey& secret, std::span<const model::Tensor> inputs) {
    const compile::Frame& frame = plan.frame;
    require(!inputs.empty() && inputs.size() <= frame.packing.images,
            "{} images or texts were given, but this plan takes 1 to {} at a time: make several requests",
            inputs.size(), frame.packing.images);
    compile::Lengths lengths;
    std::vector<double> values;
    for (const model::Tensor& input : inputs) {
        require(input.columns == frame.width,
                "the input has width {}, but the plan's model has {}: take both from the "
                "same model",
                input.columns, frame.width);
        require(input.rows >= frame.least_rows && input.rows >= 1,
                "an input of {} tokens is too short: this model needs {}", input.rows, frame.least_rows);
        require(input.rows <= frame.context, "an input of {} tokens is too long: the model takes at most {}",
                input.rows, frame.context);
        for (const double value : input.values) {
            require(std::abs(value) <= frame.input_bound,
                    "an input value of {} lies outside the plan's bound {}: take what makes the input and the plan "
                    "from the same model",
                    value, frame.input_bound);
        }
        lengths.push_back(input.rows);
        values.insert(values.end(), input.values.begin(), input.values.end());
    }

    Request request{lengths, frame.model_fingerprint, plan.fingerprint, secret.key_fingerprint(), {}, {}};
    ckks::random_bytes(request.mark.data(), request.mark.size());
    const ckks::Encoder encoder(frame.parameters);
    for (const std::vector<double>& slots : compile::pack_input(frame, values, lengths)) {
        const ckks::Plaintext plaintext =
            encoder.encode(slots, frame.input_level, frame.parameters.scale(frame.input_level));
        request.inputs.push_back(ckks::encrypt_seeded(frame.parameters, secret, plaintext));
    }
    return request;
}

Request make_request(const ClientPlan& plan, const ckks::SecretKey& secret, const model::Embedding& embedding,
                     std::span<const std::int32_t> ids) {
    const compile::Frame& frame = plan.frame;
    require(!ids.empty(), "the text has no tokens: give at least one word");
    require(ids.size() <= frame.context, "the text has {} tokens, but the model takes at most {}: shorten it",
            ids.size(), frame.context);
    require(embedding.tokens.columns == frame.width,
            "the embedding has width {}, but the plan's model has {}: take both from the same model",
            embedding.tokens.columns, frame.width);
    require(ids.size() >= frame.least_rows,
            "the text has {} tokens, but this model's operations are tied to places and it needs all {}", ids.size(),
            frame.least_rows);
    const model::Tensor embedded = embedding.embed(ids);
    return make_request(plan, secret, std::span(&embedded, 1));
}

Reply load_reply(const std::filesystem::path& path, const ClientPlan& plan, const ckks::SecretKey& secret,
                 const std::optional<Asked>& asked) {
    return read_reply(ckks::FileSource(path), plan, secret, asked);
}

Reply read_reply(const ckks::ByteSource& source, const ClientPlan& plan, const ckks::SecretKey& secret,
                 const std::optional<Asked>& asked) {
    const ReplyReader reader(source, plan.frame.parameters);
    check_reply(plan, secret.key_fingerprint(), reader.fields(), reader.ciphertexts(), asked);
    for (std::size_t i = 0; i < reader.ciphertexts(); ++i) check_output(plan, i, reader.head(i));
    return reader.read();
}

PrivateLogits open_reply(const ClientPlan& plan, const ckks::SecretKey& secret, const Reply& reply,
                         const std::optional<Asked>& asked) {
    const compile::Frame& frame = plan.frame;
    check_reply(plan, secret.key_fingerprint(), reply, reply.outputs.size(), asked);
    const ckks::Encoder encoder(frame.parameters);
    std::vector<std::vector<std::complex<double>>> slots;
    for (std::size_t i = 0; i < reply.outputs.size(); ++i) {
        const ckks::Ciphertext& output = reply.outputs[i];
        check_output(plan, i, {output.metadata(), static_cast<std::uint32_t>(output.components.size())});
        slots.push_back(encoder.decode(ckks::decrypt(frame.parameters, secret, output), frame.packing.slots));
    }
    check_slots(plan, reply.asked, slots);
    std::vector<std::vector<double>> values;
    for (const auto& ciphertext : slots) {
        std::vector<double>& real = values.emplace_back();
        for (const std::complex<double>& slot : ciphertext) real.push_back(slot.real());
    }
    const compile::Lengths rows = frame.logit_rows(reply.asked.lengths);
    return {compile::unpack_output(frame, values, rows), rows, frame.vocabulary};
}

}  // namespace polyformer::service
