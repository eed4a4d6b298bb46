// What a fork does to the library.
#pragma once

namespace exalloc {

// From now on a child of fork() finds the library as it was in the parent, without a card.
void prepare_for_forks();

}  // namespace exalloc
