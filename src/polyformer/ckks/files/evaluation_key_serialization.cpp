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
    require<FormatError>(role <= static_cast<std::uint32_t>(KeyRole::low_rotation), "{}: unknown key role {}",
                         section.place(), role);
    shape.id.role = static_cast<KeyRole>(role);
    shape.id.step = section.get<std::int32_t>();
    shape.level = section.get<std::int32_t>();
    shape.special = section.get<std::int32_t>();
    shape.digit_limbs = section.get<std::int32_t>();
    const KeyRole known = shape.id.role;
    const bool rotation = known == KeyRole::rotation || known == KeyRole::low_rotation;
    const auto slots = static_cast<std::int64_t>(parameters.slots());
    require<FormatError>(
        has_steps(known) ? shape.id.step >= (rotation ? 1 : 0) && shape.id.step < slots : shape.id.step == 0,
        "{}: rotation step {} is outside 1 to {} (0 for keys of other roles)", section.place(), shape.id.step,
        slots - 1);
    require_level(section, parameters, shape.level);
    const bool bootstrapping =
        known == KeyRole::dense_to_sparse || known == KeyRole::sparse_to_dense || known == KeyRole::low_rotation;
    require<FormatError>(!bootstrapping || parameters.can_bootstrap(),
                         "{}: a {} key, but these parameters have no bootstrapping", section.place(),
                         describe(shape.id));
    const KeyShape expected = key_shape(parameters, shape.id, shape.level);
    require<FormatError>(shape == expected, "{}: the {} key has {}; a key of its role has {}", section.place(),
                         describe(shape.id), describe(shape), describe(expected));
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
    key.b = share_rows(section, parameters, shape.level, shape.special, static_cast<std::size_t>(shape.digits()));
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
    const KeyShape expected = key_shape(parameters_, id, key.level);
    require<Error>(shape == expected, "the {} key has {}; a key of its role has {}", describe(id), describe(shape),
                   describe(expected));
    writer_.section(section_length(parameters_, shape), [&](SectionWriter& section) {
        section.put(static_cast<std::uint32_t>(shape.id.role));
        section.put(static_cast<std::int32_t>(shape.id.step));
        section.put(static_cast<std::int32_t>(shape.level));
        section.put(static_cast<std::int32_t>(shape.special));
        section.put(static_cast<std::int32_t>(shape.digit_limbs));
        write_seed(section, key.seed);
        for (const PackedRows& digit : key.b) write_rows(section, parameters_, digit, key.level, key.special);
    });
}

void write_evaluation_keys(ByteSink& sink, const Parameters& parameters, const EvaluationKeys& keys) {
    const auto all = keys.all();
    EvaluationKeysWriter writer(sink, parameters, keys.key_fingerprint, all.size());
    for (const auto& [id, key] : all) writer.write(id, *key);
    writer.finish();
}

EvaluationKeysReader::EvaluationKeysReader(const ByteSource& source, const Parameters& parameters, ReadOptions options)
    : name_(source.name()), parameters_(parameters), reader_(source, options) {
    reader_.expect_kind(kinds::kEvaluationKeys);
    reader_.expect_parameters(parameters);
    std::set<KeyId> seen;
    for (std::size_t i = 0; i < reader_.sections(); ++i) {
        SectionReader section = reader_.section(i);
        shapes_.push_back(read_shape(section, parameters));
        const KeyId id = shapes_.back().id;
        require<FormatError>(seen.insert(id).second, "{}: a second {} key; each may occur once", section.place(),
                             describe(id));
    }
}

void EvaluationKeysReader::expect(const KeyRequest& wanted) const {
    const std::vector<std::string> differences = key_differences(parameters_, wanted, shapes_);
    require<FormatError>(differences.empty(),
                         "'{}' does not hold the keys that this plan needs, {} of which differ: {}. Make new keys with "
                         "this plan's client.json",
                         name_, differences.size(), list_of(differences));
}

EvaluationKeys EvaluationKeysReader::read(const ShareCallback& progress) const {
    EvaluationKeys keys;
    keys.key_fingerprint = key_fingerprint();
    keys.parameters_fingerprint = parameters_.fingerprint();
    std::vector<SwitchingKey*> places;
    for (const KeyShape& shape : shapes_) places.push_back(&keys.emplace(shape.id));

    std::mutex mutex;
    std::size_t done = 0;
    parallel_for(places.size(), [&](std::size_t i) {
        read_key(reader_, i, parameters_, *places[i]);
        if (!progress) return;
        const std::lock_guard lock(mutex);
        progress(static_cast<double>(++done) / static_cast<double>(places.size()));
    });
    return keys;
}

EvaluationKeys read_evaluation_keys(const ByteSource& source, const Parameters& parameters, ReadOptions options,
                                    const ShareCallback& progress) {
    return EvaluationKeysReader(source, parameters, options).read(progress);
}

}  // namespace polyformer::ckks
