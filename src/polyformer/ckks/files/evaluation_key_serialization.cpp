#include "polyformer/ckks/files/evaluation_key_serialization.h"

#include <mutex>
#include <set>
#include <vector>

#include "polyformer/ckks/files/rns_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// A section begins with role, step, level, special primes and limbs of a digit: a KeyShape.
constexpr std::uint64_t kHeadBytes = 5 * sizeof(std::int32_t);

std::uint64_t section_length(const Parameters& parameters, const KeyShape& shape) {
    return kHeadBytes + sizeof(Seed) +
           static_cast<std::uint64_t>(shape.digits()) * parameters.packed_rows_bytes(shape.level, shape.special);
}

KeyShape read_shape(SectionReader& section, const Parameters& parameters) {
    KeyShape shape;
    const auto role = section.get<std::uint32_t>();
    require<FormatError>(role <= static_cast<std::uint32_t>(KeyRole::rotation), "{}: unknown key role {}",
                         section.place(), role);
    shape.id.role = static_cast<KeyRole>(role);
    shape.id.step = section.get<std::int32_t>();
    shape.level = section.get<std::int32_t>();
    shape.special = section.get<std::int32_t>();
    shape.digit_limbs = section.get<std::int32_t>();
    const bool rotation = shape.id.role == KeyRole::rotation;
    const auto slots = static_cast<std::int64_t>(parameters.slots());
    require<FormatError>(rotation ? shape.id.step >= 1 && shape.id.step < slots : shape.id.step == 0,
                         "{}: rotation step {} is outside 1 to {} (0 for keys of other roles)", section.place(),
                         shape.id.step, slots - 1);
    require_level(section, parameters, shape.level);
    require<FormatError>(shape.special >= 1 && shape.special <= parameters.special_count(),
                         "{}: {} special primes; expected 1 to {}", section.place(), shape.special,
                         parameters.special_count());
    require<FormatError>(shape.digit_limbs >= 1 && shape.digit_limbs <= shape.special,
                         "{}: digits of {} limbs; expected 1 to {}, the number of special primes", section.place(),
                         shape.digit_limbs, shape.special);
    require_length(section, section_length(parameters, shape));
    return shape;
}

void read_key(const ContainerReader& reader, std::size_t index, const Parameters& parameters, SwitchingKey& key) {
    SectionReader section = reader.section(index);
    const KeyShape shape = read_shape(section, parameters);
    key.level = shape.level;
    key.special = shape.special;
    key.digit_limbs = shape.digit_limbs;
    key.seed = read_seed(section);
    for (int digit = 0; digit < shape.digits(); ++digit) {
        key.b.push_back(read_rows(section, parameters, shape.level, shape.special));
    }
    section.finish();
}

}  // namespace

EvaluationKeysWriter::EvaluationKeysWriter(ByteSink& sink, const Parameters& parameters,
                                           const std::string& key_fingerprint, std::size_t count)
    : parameters_(parameters), writer_(sink, make_header(kinds::kEvaluationKeys, parameters, key_fingerprint, count)) {}

void EvaluationKeysWriter::write(KeyId id, const SwitchingKey& key) {
    const KeyShape shape{id, key.level, key.special, key.digit_limbs};
    require<Error>(key.b.size() == static_cast<std::size_t>(shape.digits()),
                   "a switching key for level {} has {} digits of {} limbs; expected {}", key.level, key.b.size(),
                   key.digit_limbs, shape.digits());
    writer_.section(section_length(parameters_, shape), [&](SectionWriter& section) {
        section.put(static_cast<std::uint32_t>(shape.id.role));
        section.put(static_cast<std::int32_t>(shape.id.step));
        section.put(static_cast<std::int32_t>(shape.level));
        section.put(static_cast<std::int32_t>(shape.special));
        section.put(static_cast<std::int32_t>(shape.digit_limbs));
        write_seed(section, key.seed);
        for (const RnsPolynomial& digit : key.b) write_rows(section, parameters_, digit, key.level, key.special);
    });
}

void write_evaluation_keys(ByteSink& sink, const Parameters& parameters, const EvaluationKeys& keys) {
    const auto all = keys.all();
    EvaluationKeysWriter writer(sink, parameters, keys.key_fingerprint, all.size());
    for (const auto& [id, key] : all) writer.write(id, *key);
    writer.finish();
}

EvaluationKeys read_evaluation_keys(const ByteSource& source, const Parameters& parameters, ReadOptions options,
                                    const ShareCallback& progress) {
    const ContainerReader reader(source, options);
    reader.expect_kind(kinds::kEvaluationKeys);
    reader.expect_parameters(parameters);

    EvaluationKeys keys;
    keys.key_fingerprint = reader.header().key_fingerprint;
    keys.parameters_fingerprint = parameters.fingerprint();
    // Every shape is checked against the length of its section before any key is allocated.
    std::vector<SwitchingKey*> places;
    std::set<KeyId> seen;
    for (std::size_t i = 0; i < reader.sections(); ++i) {
        SectionReader section = reader.section(i);
        const KeyShape shape = read_shape(section, parameters);
        require<FormatError>(seen.insert(shape.id).second,
                             "{}: a second key of role {} and step {}; each may occur once", section.place(),
                             static_cast<std::uint32_t>(shape.id.role), shape.id.step);
        places.push_back(&keys.emplace(shape.id));
    }

    std::mutex mutex;
    std::size_t done = 0;
    parallel_for(places.size(), [&](std::size_t i) {
        read_key(reader, i, parameters, *places[i]);
        if (!progress) return;
        const std::lock_guard lock(mutex);
        progress(static_cast<double>(++done) / static_cast<double>(places.size()));
    });
    return keys;
}

}  // namespace polyformer::ckks
