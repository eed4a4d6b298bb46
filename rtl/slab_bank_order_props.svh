// The order of one list, operation by operation, for scripts/prove: slab_bank_order in a loop with registers for its state,
// memories for masks and successors, and any operation on any slab, with any prefetch, in every step. Beside it the true
// order, a plain stack, and what is free. What is assumed of the inputs is what slab_bank feeds it.
//
//@ proof short induction 1 sat,z3 AddrW=3 SlabWidth=8
//@ window: every entry the list state knows is the slab that stands there in the true order: none is lost, none is repeated
//@ wrong: s/full_exist\[j\] = succ_exist_i\[s\]/full_exist[j] = 1'b1/
//@ once: a slab is in the order exactly once while it has a free block, and not when it has none
//@ wrong: s/exhaust_o    = grant_ok_o && head_flags == quarter_o/exhaust_o = grant_ok_o/
//@ cached: a cached mask is the slab's mask, and never 0
//@ wrong: s/hold_ready\[k\] = at_i\[k\] \|\| ready_i/hold_ready[k] = 1'b1 || ready_i/
//@ head: a grant takes the first quarter of the newest slab that has a free block, all of its free blocks
//@ wrong: s/head_flags\[1\] && !head_flags\[0\]/head_flags[1]/
//@ empty: the list looks empty exactly when no slab is in its order
//@ wrong: s/known_o = Window'\(1\);/known_o = exist_i;/
//@ stored: a push stores the true successors, those one, four and five below
//@ wrong: s/exist_o = \{exist_i\[Window-2:0\], 1'b1\}/exist_o = {exist_i[Window-2:1], 1'b0, 1'b1}/
//@ refetch: after the head has been read its mask is cached
//@ wrong: s/hold_ready\[k\] = at_i\[k\] \|\| ready_i/hold_ready[k] = (k != 0 \&\& at_i[k]) || ready_i/
//@ refused: a refused operation leaves every mask and the order as they were
//@ wrong: s/word_mask_i \| \(release_ok_o \? bits_i/word_mask_i | (release_i ? bits_i/

(* gclk *) logic fv_clk;
localparam int unsigned FvSlabs = 2 ** AddrW > Window ? 2 ** AddrW : Window + 1;  // entries of the true order

// The state of the list
logic [Window*AddrW-1:0] fv_ids_q;
logic [Window-1:0] fv_known_q = Window'(1);
logic [Window-1:0] fv_exist_q = '0;
logic [Cached-1:0] fv_ready_q = '0;
logic [Cached*4-1:0] fv_flags_q;
logic [Cached*SlabWidth-1:0] fv_masks_q;
logic fv_hint_q;
always_ff @(posedge fv_clk) begin
  fv_ids_q   <= ids_o;
  fv_known_q <= known_o;
  fv_exist_q <= exist_o;
  fv_ready_q <= ready_o;
  fv_flags_q <= flags_o;
  fv_masks_q <= masks_o;
  fv_hint_q  <= hint_o;
end
always_comb begin
  assume (ids_i == fv_ids_q && known_i == fv_known_q && exist_i == fv_exist_q && ready_i == fv_ready_q);
  assume (flags_i == fv_flags_q && masks_i == fv_masks_q && hint_i == fv_hint_q);
end

// The truth: the order from the top, and per slab in it the free mask, the successors stored when it was pushed, and how many
// steps ago that was. A slab not in the order has mask 0, unless a CLOSE left it behind.
localparam int unsigned FvLinkW = Succ * (AddrW + 1);
logic [FvSlabs-1:0] fv_in_q = '0;  // entry j exists
logic [FvSlabs-1:0] fv_in_d;
logic [FvSlabs*AddrW-1:0] fv_slab_q, fv_slab_d;
logic [FvSlabs*SlabWidth-1:0] fv_mask_q, fv_mask_d;
logic [FvSlabs*FvLinkW-1:0] fv_links_q, fv_links_d;
logic [FvSlabs*3-1:0] fv_age_q, fv_age_d, fv_older;

// One step: which slab is read, what is done
(* anyseq *) logic [AddrW-1:0] fv_read;
(* anyseq *) logic fv_hit, fv_link;
logic [FvSlabs-1:0] fv_pos;  // where the slab read stands
logic [SlabWidth-1:0] fv_word, fv_kept;
logic [FvLinkW-1:0] fv_word_links;
logic [2:0] fv_word_age;
logic [3:0] fv_word_flags, fv_double, fv_bits_flags, fv_first;
logic [Cached:0] fv_at;
always_comb begin
  fv_word = word_mask_i;
  fv_word_links = {succ_exist_i, succ_ids_i};
  fv_word_age = 3'd7;
  for (int unsigned j = 0; j < FvSlabs; j++) begin
    fv_pos[j] = fv_in_q[j] && fv_slab_q[j*AddrW +: AddrW] == fv_read;
    if (fv_pos[j]) begin
      fv_word       = fv_mask_q[j*SlabWidth +: SlabWidth];
      fv_word_links = fv_links_q[j*FvLinkW +: FvLinkW];
      fv_word_age   = fv_age_q[j*3 +: 3];
    end
  end
  for (int unsigned q = 0; q < 4; q++) begin
    fv_word_flags[q] = fv_word[q*QuarterW +: QuarterW] != '0;
    fv_bits_flags[q] = bits_i[q*QuarterW +: QuarterW] != '0;
    fv_double[q]     = (bits_i[q*QuarterW +: QuarterW] & fv_word[q*QuarterW +: QuarterW]) != '0;
  end
  for (int unsigned k = 0; k <= Cached; k++) begin
    fv_at[k] = fv_hit && exist_i[k] && ids_i[k*AddrW +: AddrW] == fv_read;
  end
  fv_first = 4'd0;
  fv_kept  = fv_mask_q[SlabWidth-1:0];
  for (int unsigned q = 4; q > 0; q--) begin
    if (fv_mask_q[(q-1)*QuarterW +: QuarterW] != '0) begin
      fv_first = 4'd1 << (q - 1);
      fv_kept  = fv_mask_q[SlabWidth-1:0];
      fv_kept[(q-1)*QuarterW +: QuarterW] = '0;
    end
  end
end

// What slab_bank feeds
always_comb begin
  assume (at_i == fv_at && word_mask_i == fv_word && word_flags_i == fv_word_flags);
  assume (double_free_i == fv_double && bits_flags_i == fv_bits_flags);
  // Successors of a slab pushed within the last four steps may be old, and are marked.
  assume (succ_ok_i == (fv_word_age > 3'd4));
  if (succ_ok_i) assume ({succ_exist_i, succ_ids_i} == fv_word_links);
  // At most one operation. A release or link reads its own slab; one that is linked had no owner, so it is in no order.
  assume (3'(grant_i) + 3'(trim_i) + 3'(release_i) + 3'(clear_i) + 3'(fv_link) <= 3'd1);
  assume (push_i == (fv_link || (release_i && fv_word == '0)));
  if (release_i || fv_link) assume (slab_i == fv_read && bits_i != '0 && fv_hit);
  if (fv_link) assume (fv_pos == '0);
  if (trim_i) assume (ready_i[0] && masks_i[SlabWidth-1:0] == '1);
end

logic fv_taken, fv_pop;
always_comb begin
  fv_taken   = grant_i && ready_i[0];
  fv_pop     = trim_i || (fv_taken && fv_kept == '0);
  fv_in_d    = fv_in_q;
  fv_slab_d  = fv_slab_q;
  fv_mask_d  = fv_mask_q;
  fv_links_d = fv_links_q;
  for (int unsigned j = 0; j < FvSlabs; j++) begin
    fv_older[j*3 +: 3] = fv_age_q[j*3 +: 3] + 3'(fv_age_q[j*3 +: 3] != 3'd7);
    if (fv_pos[j] && release_i && (bits_i & fv_word) == '0) begin
      fv_mask_d[j*SlabWidth +: SlabWidth] = fv_word | bits_i;
    end
  end
  if (fv_taken) fv_mask_d[SlabWidth-1:0] = fv_kept;
  fv_age_d = fv_older;
  if (push_i) begin
    fv_in_d    = {fv_in_q[FvSlabs-2:0], 1'b1};
    fv_slab_d  = {fv_slab_q[(FvSlabs-1)*AddrW-1:0], slab_i};
    fv_mask_d  = {fv_mask_q[(FvSlabs-1)*SlabWidth-1:0], bits_i};
    fv_links_d = {fv_links_q[(FvSlabs-1)*FvLinkW-1:0], exist_i[4:3], exist_i[0],
                  ids_i[4*AddrW +: AddrW], ids_i[3*AddrW +: AddrW], ids_i[AddrW-1:0]};
    fv_age_d   = {fv_older[(FvSlabs-1)*3-1:0], 3'd1};
  end else if (fv_pop) begin
    fv_in_d    = fv_in_q >> 1;
    fv_slab_d  = fv_slab_q >> AddrW;
    fv_mask_d  = fv_mask_d >> SlabWidth;
    fv_links_d = fv_links_q >> FvLinkW;
    fv_age_d   = fv_older >> 3;
  end
  if (clear_i) fv_in_d = '0;
end
always_ff @(posedge fv_clk) begin
  fv_in_q    <= fv_in_d;
  fv_slab_q  <= fv_slab_d;
  fv_mask_q  <= fv_mask_d;
  fv_links_q <= fv_links_d;
  fv_age_q   <= fv_age_d;
end

// ------------------------------------------------------------------------------------------------
logic [Window-1:0] fv_window, fv_same;
logic [FvSlabs-1:0] fv_whole, fv_young;
logic [Cached-1:0] fv_cached, fv_ahead, fv_kept_ok;
logic [4:0] fv_near;
logic [FvSlabs*3-1:0] fv_linked;
logic fv_distinct;
logic [3:0] fv_flags;
logic [FvSlabs+5:0] fv_beyond;  // entry j is beyond the entry that ends the list
always_comb begin
  fv_beyond = {6'h3f, ~fv_in_q} << 1;
  for (int unsigned j = 0; j < Window; j++) begin
    fv_window[j] = known_i[j] ? exist_i[j] == fv_in_q[j] &&
                                (!exist_i[j] || ids_i[j*AddrW +: AddrW] == fv_slab_q[j*AddrW +: AddrW])
                              : !exist_i[j];
    fv_same[j] = known_i[j] == known_o[j] && exist_i[j] == exist_o[j];
  end
  // Of the first five entries one is unknown only beyond the end.
  for (int unsigned j = 0; j < 5; j++) fv_near[j] = known_i[j] || fv_beyond[j];
  for (int unsigned k = 0; k < Cached; k++) begin
    for (int unsigned q = 0; q < 4; q++) fv_flags[q] = fv_mask_q[k*SlabWidth + q*QuarterW +: QuarterW] != '0;
    fv_cached[k] = !ready_i[k] || (exist_i[k] && flags_i[k*4 +: 4] == fv_flags && fv_flags != 4'd0 &&
                                   masks_i[k*SlabWidth +: SlabWidth] == fv_mask_q[k*SlabWidth +: SlabWidth]);
    // Below a cached slab the next, the fourth and the fifth entry are known.
    fv_ahead[k] = !ready_i[k] || (known_i[k+1] && (known_i[k+4] || fv_beyond[k+4]) &&
                                  (known_i[k+5] || fv_beyond[k+5]));
    fv_kept_ok[k] = !ready_o[k] || masks_o[k*SlabWidth +: SlabWidth] == fv_mask_q[k*SlabWidth +: SlabWidth];
  end
  fv_distinct = 1'b1;
  for (int unsigned h = 0; h < FvSlabs; h++) begin
    for (int unsigned g = 0; g < h; g++) begin
      if (fv_in_q[h] && fv_slab_q[h*AddrW +: AddrW] == fv_slab_q[g*AddrW +: AddrW]) fv_distinct = 1'b0;
    end
    fv_whole[h] = !fv_in_q[h] || (fv_mask_q[h*SlabWidth +: SlabWidth] != '0 && (h == 0 || fv_in_q[(h+FvSlabs-1)%FvSlabs]));
    // A slab pushed within the last four steps is still among the cached.
    fv_young[h] = !fv_in_q[h] || fv_age_q[h*3 +: 3] > 3'd4 ||
                  (h < Cached && 3'(h) < fv_age_q[h*3 +: 3] && ready_i[h % Cached]);
    for (int unsigned i = 0; i < 3; i++) begin
      fv_linked[h*3+i] = !fv_in_q[h];
      if (h + (i == 0 ? 1 : i + 3) >= FvSlabs) begin
        if (!fv_links_q[h*FvLinkW + Succ*AddrW + i]) fv_linked[h*3+i] = 1'b1;
      end else begin
        if (fv_links_q[h*FvLinkW + Succ*AddrW + i] == fv_in_q[(h + (i == 0 ? 1 : i + 3)) % FvSlabs] &&
            (!fv_links_q[h*FvLinkW + Succ*AddrW + i] ||
             fv_links_q[h*FvLinkW + i*AddrW +: AddrW] ==
                 fv_slab_q[((h + (i == 0 ? 1 : i + 3)) % FvSlabs)*AddrW +: AddrW])) fv_linked[h*3+i] = 1'b1;
      end
    end
  end
end

always_comb begin
  window: assert (&fv_window);
  once: assert (fv_distinct && (&fv_whole) && pop_o == fv_pop && !(pop_o && push_i));
  cached: assert (&fv_cached);
  head: assert (!fv_taken || (grant_ok_o && fv_in_q[0] && quarter_o == fv_first));
  empty: assert (known_i[0] && exist_i[0] == fv_in_q[0]);
  stored: assert (&fv_linked);
  refetch: assert (!at_i[0] || push_i || pop_o || clear_i || ready_o[0]);
  refused: assert (!(release_i && fv_double != 4'd0) ||
                   (!release_ok_o && !pop_o && (&fv_kept_ok) && (fv_same | ~known_i) == '1));
  assert (&fv_near);
  assert (&fv_ahead);
  assert (&fv_young);
end
