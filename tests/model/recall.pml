/* The magazine's owner against a recaller, on processors with store buffers (x86's TSO).
 *
 * What is modelled, and how, is in docs/recall-model.md; the code is in host/src/magazine.hpp and host/src/stock.cpp.
 * One owner pops and pushes without a lock; one recaller freezes its magazine, takes the blocks, hands some out, sweeps again and
 * gives all back, ROUNDS times. A block is a bit. Broken on purpose with:
 *   NO_MEMBARRIER     the recaller does not wait for the owner's store buffer
 *   RECALLER_WRITES_N the recaller sets n after taking
 *   NO_SETTLE         a pop that fails its check never keeps its slot
 *   NO_SWEEP          blocks pushed at the very moment of the freeze are not looked for again
 *   NO_DEPOT          the recaller forgets the blocks that wait in the depot for another processor
 */
#ifndef BLOCKS
#define BLOCKS 3
#endif
#ifndef OPERATIONS
#define OPERATIONS 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef BUFFER
#define BUFFER 4
#endif

#define CAPACITY 2
#define ALL ((1 << BLOCKS) - 1)
#define INFINITE 100

/* Who has a store buffer. */
#define OWNER 0
#define RECALLER 1

/* Words of shared memory, written through store buffers. */
#define N 0
#define FLOOR 1
#define CEILING 2
#define PROCESSOR_LOCK 3
#define LIST_LOCK 4
#define SCARCE 5
#define RETURNED 6 /* how many of the owner's calls have returned */
#define SLOTS 7    /* CAPACITY + 1 of them: a push may finish after the freeze */

short memory[SLOTS + CAPACITY + 1];

typedef store_buffer {
  byte address[BUFFER];
  short value[BUFFER];
  byte count
};
store_buffer buffers[2];

/* Under the processor's lock. The locks order these anyway, so they need no buffer. */
bool frozen = false;
byte taken = 0;
/* Under the list's lock, and the card's own. Sets of blocks. */
byte store = 0;
byte card = ALL;
byte depot = 0;

/* Who has which block in hand, and how many calls the owner has begun: for the assertions alone. */
byte owner_has = 0;
byte recaller_has = 0;
byte begun = 0;
byte done = 0;

inline put(who, where, what) {
  atomic {
    buffers[who].count < BUFFER;
    buffers[who].address[buffers[who].count] = where;
    buffers[who].value[buffers[who].count] = what;
    buffers[who].count++
  }
}

/* A processor sees its own stores before others do. */
inline get(who, where, into) {
  d_step {
    into = memory[where];
    index = 0;
    do
    :: index < buffers[who].count ->
      if
      :: buffers[who].address[index] == where -> into = buffers[who].value[index]
      :: else
      fi;
      index++
    :: else -> break
    od;
    index = 0
  }
}

/* Stores reach memory in order, each some time. */
proctype drain(byte who) {
  byte index;
end:
  do
  :: d_step {
      buffers[who].count > 0;
      memory[buffers[who].address[0]] = buffers[who].value[0];
      buffers[who].count--;
      index = 0;
      do
      :: index < buffers[who].count ->
        buffers[who].address[index] = buffers[who].address[index + 1];
        buffers[who].value[index] = buffers[who].value[index + 1];
        index++
      :: else -> break
      od;
      buffers[who].address[buffers[who].count] = 0;
      buffers[who].value[buffers[who].count] = 0;
      index = 0
    }
  od
}

inline fence(who) { buffers[who].count == 0 }

/* Locked instructions wait for the buffer; giving a lock back is a plain store. */
inline lock(who, which) {
  atomic {
    buffers[who].count == 0 && memory[which] == 0;
    memory[which] = 1
  }
}
inline unlock(who, which) { put(who, which, 0) }

/* A block arrives somewhere: it was nowhere else. */
#define AT_MOST_ONE(set) (((set) & ((set) - 1)) == 0)
#define NOWHERE(block) (((owner_has | recaller_has | store | card | depot) & (block)) == 0)

inline first_of(set, into) {
  d_step {
    index = 0;
    do
    :: set & (1 << index) -> break
    :: else -> index++
    od;
    into = 1 << index;
    index = 0
  }
}

/* ---- The owner ---- */

/* magazine::thaw and set_bounds. */
inline thaw() {
  frozen = false;
  get(OWNER, N, n);
  if
  :: n <= taken -> n = 0
  :: else ->
    /* drop_oldest(taken) */
    moved = taken;
    do
    :: moved < n ->
      get(OWNER, SLOTS + moved, block);
      put(OWNER, SLOTS + moved - taken, block);
      moved++
    :: else -> break
    od;
    moved = 0;
    n = n - taken
  fi;
  put(OWNER, N, n);
  taken = 0
}
inline set_bounds() {
  /* With a floor of 1 the owner asks the card for more before its magazine is empty. */
  if
  :: put(OWNER, FLOOR, 0)
  :: put(OWNER, FLOOR, 1)
  fi;
  put(OWNER, CEILING, CAPACITY)
}

inline take_from_store() {
  atomic {
    if
    :: store != 0 ->
      first_of(store, block);
      store = store & ~block;
      assert(NOWHERE(block));
      owner_has = owner_has | block
    :: else
    fi
  }
}

/* with_stock() of an allocation. */
inline allocate_from_stock() {
  do
  :: true ->
    get(OWNER, SCARCE, word);
    if
    :: word ->
      lock(OWNER, LIST_LOCK);
      get(OWNER, SCARCE, word);
      if
      :: word ->
        take_from_store();
        unlock(OWNER, LIST_LOCK);
        break
      :: else -> unlock(OWNER, LIST_LOCK)
      fi
    :: else
    fi;
    lock(OWNER, PROCESSOR_LOCK);
    get(OWNER, SCARCE, word);
    if
    :: frozen && word -> unlock(OWNER, PROCESSOR_LOCK)
    :: else ->
      if
      :: frozen -> thaw()
      :: else
      fi;
      get(OWNER, N, n);
      atomic {
        if
        :: n > 0 -> skip
        :: n <= 0 && depot != 0 ->
          first_of(depot, block);
          depot = depot & ~block;
          put(OWNER, SLOTS, block);
          n = 1
        :: n <= 0 && depot == 0 && card != 0 ->
          /* GRANT */
          first_of(card, block);
          card = card & ~block;
          put(OWNER, SLOTS, block);
          n = 1
        :: else
        fi
      };
      if
      :: n > 0 ->
        get(OWNER, SLOTS + n - 1, block);
        put(OWNER, N, n - 1);
        d_step {
          assert(NOWHERE(block));
          owner_has = owner_has | block
        }
      :: else -> put(OWNER, N, 0)
      fi;
      set_bounds();
      unlock(OWNER, PROCESSOR_LOCK);
      break
    fi
  od
}

inline pop() {
  get(OWNER, N, n);
  slot = n - 1;
  put(OWNER, N, slot);
  get(OWNER, FLOOR, word);
  if
  :: slot >= word -> mine = true
  :: else ->
    /* settle() */
    lock(OWNER, PROCESSOR_LOCK);
#ifdef NO_SETTLE
    mine = false;
#else
    mine = (frozen -> slot >= taken : slot >= 0);
#endif
    if
    :: mine
    :: else ->
      if
      :: frozen -> taken = 0
      :: else
      fi;
      put(OWNER, N, 0)
    fi;
    if
    :: mine && !frozen -> set_bounds()
    :: else
    fi;
    unlock(OWNER, PROCESSOR_LOCK)
  fi;
  if
  :: mine ->
    atomic {
      get(OWNER, SLOTS + slot, block);
      assert(block != 0 && NOWHERE(block));
      owner_has = owner_has | block
    }
  :: else -> allocate_from_stock()
  fi;
  slot = 0;
  mine = false
}

inline push() {
  atomic {
    first_of(owner_has, block);
    owner_has = owner_has & ~block
  };
  get(OWNER, N, slot);
  get(OWNER, CEILING, word);
  if
  :: slot < word ->
    put(OWNER, SLOTS + slot, block);
    put(OWNER, N, slot + 1)
  :: else ->
    pushed = block;
    do
    :: true ->
      get(OWNER, SCARCE, word);
      if
      :: word ->
        lock(OWNER, LIST_LOCK);
        get(OWNER, SCARCE, word);
        if
        :: word ->
          d_step {
            assert(NOWHERE(pushed));
            store = store | pushed
          }
          unlock(OWNER, LIST_LOCK);
          break
        :: else -> unlock(OWNER, LIST_LOCK)
        fi
      :: else
      fi;
      lock(OWNER, PROCESSOR_LOCK);
      get(OWNER, SCARCE, word);
      if
      :: frozen && word -> unlock(OWNER, PROCESSOR_LOCK)
      :: else ->
        if
        :: frozen -> thaw()
        :: else
        fi;
        get(OWNER, N, n);
        if
        :: n >= CAPACITY ->
          /* The newest goes: RELEASE, or to the depot. */
          atomic {
            get(OWNER, SLOTS + n - 1, block);
            assert(NOWHERE(block));
            if
            :: card = card | block
            :: depot = depot | block
            fi
          };
          n = n - 1
        :: else
        fi;
        put(OWNER, SLOTS + n, pushed);
        put(OWNER, N, n + 1);
        set_bounds();
        unlock(OWNER, PROCESSOR_LOCK);
        break
      fi
    od;
    pushed = 0
  fi;
  slot = 0
}

proctype owner() {
  short n, slot, word;
  byte block, pushed, moved, index;
  bool mine;
  do
  :: begun < OPERATIONS ->
    begun++;
    if
    :: pop()
    :: owner_has != 0 -> push()
    fi;
    n = 0;
    word = 0;
    block = 0;
    put(OWNER, RETURNED, begun)
  :: break
  od;
  done++
}

/* ---- The recaller ---- */

/* magazine::take_all. */
inline take_all() {
  lock(RECALLER, PROCESSOR_LOCK);
  get(RECALLER, N, n);
  do
  :: taken < n ->
    atomic {
      get(RECALLER, SLOTS + taken, block);
      assert(block != 0 && NOWHERE(block));
      store = store | block;
      taken++
    }
  :: else -> break
  od;
#ifdef RECALLER_WRITES_N
  put(RECALLER, N, 0);
  taken = 0;
#endif
  unlock(RECALLER, PROCESSOR_LOCK)
}

/* Each call of the owner that has not returned yet, as far as others can see, withholds one block, and nothing else does. There are at
 * most two: a push whose last store is still in the owner's buffer has returned for the owner, which may be in its next call. */
inline sweep() {
  returned = memory[RETURNED];
#ifdef NO_SWEEP
  if
  :: swept
  :: else -> take_all()
  fi;
  swept = true;
#else
  take_all();
#endif
  atomic {
    block = ALL & ~(owner_has | recaller_has | store | card);
    assert(block == 0 || begun > returned);
    assert(AT_MOST_ONE(block) || begun > returned + 1);
    assert(AT_MOST_ONE(block & (block - 1)));
    block = 0;
    n = 0;
    returned = 0
  }
}

inline allocate_some() {
  do
  :: store != 0 ->
    atomic {
      first_of(store, block);
      store = store & ~block;
      assert(NOWHERE(block));
      recaller_has = recaller_has | block;
      block = 0
    }
  :: break
  od
}

proctype recaller() {
  short n;
  byte block, index, round, returned;
  bool swept;
  do
  :: round < ROUNDS ->
    round++;
    lock(RECALLER, LIST_LOCK);
    put(RECALLER, SCARCE, 1);
    lock(RECALLER, PROCESSOR_LOCK);
    /* magazine::freeze */
    if
    :: frozen
    :: else ->
      frozen = true;
      taken = 0;
      put(RECALLER, FLOOR, INFINITE);
      put(RECALLER, CEILING, 0)
    fi;
    unlock(RECALLER, PROCESSOR_LOCK);
    fence(RECALLER);
#ifndef NO_MEMBARRIER
    fence(OWNER);
#endif
#ifndef NO_DEPOT
    /* The owner does not come here while it is frozen, so no lock is needed. */
    atomic {
      store = store | depot;
      depot = 0
    }
#endif
    sweep();
    allocate_some();
    unlock(RECALLER, LIST_LOCK);
    /* Others work on the store. */
    lock(RECALLER, LIST_LOCK);
    sweep();
    swept = false;
    allocate_some();
    /* All is freed, and goes to the card. */
    atomic {
      card = card | recaller_has | store;
      recaller_has = 0;
      store = 0
    }
    put(RECALLER, SCARCE, 0);
    unlock(RECALLER, LIST_LOCK)
  :: else -> break
  od;
  done++
}

/* ---- At rest: each block is in exactly one place ---- */

proctype at_rest() {
  byte index, magazine;
  done == 2 && buffers[OWNER].count == 0 && buffers[RECALLER].count == 0;
  d_step {
    index = (frozen -> taken : 0);
    do
    :: index < memory[N] ->
      assert(memory[SLOTS + index] != 0);
      assert((magazine & memory[SLOTS + index]) == 0);
      magazine = magazine | memory[SLOTS + index];
      index++
    :: else -> break
    od;
    assert(((owner_has | card | store | depot) & magazine) == 0);
    assert((owner_has | card | store | depot | magazine) == ALL)
  }
}

init {
  atomic {
    memory[FLOOR] = 0;
    memory[CEILING] = CAPACITY;
    run owner();
    run recaller();
    run drain(OWNER);
    run drain(RECALLER);
    run at_rest()
  }
}
