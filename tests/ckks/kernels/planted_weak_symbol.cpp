// What a vector source must not do: define an inline function outside its own namespace.
namespace polyformer::ckks {

inline int shared_by_everybody(int value) {  // NOLINT(misc-use-internal-linkage): that is the point
    return value + 1;
}

namespace avx512 {
int caller(int value);
int caller(int value) {  // NOLINT(misc-use-internal-linkage)
    return shared_by_everybody(value);
}
}  // namespace avx512

}  // namespace polyformer::ckks
