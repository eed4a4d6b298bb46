// slab_bank_order: the execute stage of one list: its state, one operation, its next state.
//
// The state of a list is the top of its LIFO: the next Window slab numbers, and for the first
// Cached of them the free mask with one "has a free block" flag a quarter. Entry 0 is the head.
// known: the entry is decided; exist (implies known): a slab is there; known without exist: the
// list ends above it. ready (implies exist): its mask is cached, and the entry below it is known.
// All entries left unknown are filled from the successors stored with the slabs that are read.
// Of the first five entries one is unknown only beyond the end, so what a push stores as successors
// (entries 0, 3 and 4 of before) is always the truth: a slab's entries four and five below it are
// known when it is pushed, and once it was pushed too deep to keep them, its mask is not cached
// either, and the read that brings it back brings them too. That takes Window >= Cached + 5.
//
// Combinational, from registers to next state in four LUT levels: every entry picks hold, pop or
// push, and only the choice among them waits for the decision. Cost: about 5 LUT a state bit.
`default_nettype none

module slab_bank_order #(
  parameter int unsigned AddrW     = 14,
  parameter int unsigned SlabWidth = 64,
  parameter int unsigned Window    = 9,
  parameter int unsigned Cached    = 4,
  parameter int unsigned Succ      = 3
) (
  // state
  input  logic [Window*AddrW-1:0]     ids_i,
  input  logic [Window-1:0]           known_i,
  input  logic [Window-1:0]           exist_i,
  input  logic [Cached-1:0]           ready_i,
  input  logic [Cached*4-1:0]         flags_i,
  input  logic [Cached*SlabWidth-1:0] masks_i,
  input  logic                        hint_i,
  // the word read for this operation, and where its slab stands in the order (one-hot or zero)
  input  logic [Cached:0]             at_i,
  input  logic [SlabWidth-1:0]        word_mask_i,
  input  logic [3:0]                  word_flags_i,
  input  logic                        succ_ok_i,
  input  logic [Succ*AddrW-1:0]       succ_ids_i,
  input  logic [Succ-1:0]             succ_exist_i,
  // the operation: at most one of these is set
  input  logic                        grant_i,      // may take from the head
  input  logic                        trim_i,       // takes the head
  input  logic                        release_i,    // gives back, unless a double free
  input  logic                        clear_i,      // empties the order
  input  logic                        push_i,       // the slab becomes head (a release or a link)
  input  logic [3:0]                  double_free_i,
  input  logic [AddrW-1:0]            slab_i,
  input  logic [SlabWidth-1:0]        bits_i,
  input  logic [3:0]                  bits_flags_i,
  // next state
  output logic [Window*AddrW-1:0]     ids_o,
  output logic [Window-1:0]           known_o,
  output logic [Window-1:0]           exist_o,
  output logic [Cached-1:0]           ready_o,
  output logic [Cached*4-1:0]         flags_o,
  output logic [Cached*SlabWidth-1:0] masks_o,
  output logic                        hint_o,
  // decisions
  output logic                        grant_ok_o,
  output logic                        exhaust_o,    // this grant leaves the head's mask 0
  output logic                        pop_o,
  output logic                        release_ok_o,
  output logic [3:0]                  quarter_o     // one-hot: the quarter a grant takes
);
  localparam int unsigned QuarterW = SlabWidth / 4;

  if (Window < Cached + 5) begin : gen_bad_window
    $error("slab_bank_order: a push would store successors it does not know");
  end

  logic [3:0] head_flags, clear_quarter;
  assign head_flags   = flags_i[3:0];
  assign quarter_o    = {head_flags[3] && head_flags[2:0] == 3'd0,
                         head_flags[2] && head_flags[1:0] == 2'd0,
                         head_flags[1] && !head_flags[0], head_flags[0]};
  assign grant_ok_o   = grant_i && ready_i[0];
  assign exhaust_o    = grant_ok_o && head_flags == quarter_o;
  assign pop_o        = exhaust_o || trim_i;
  assign release_ok_o = release_i && double_free_i == 4'd0;
  assign clear_quarter = grant_ok_o ? quarter_o : 4'd0;

  // Entries with what the word read tells about those below it. One past the window, for a pop.
  // A slab tells the entry next below it, without which its mask may not be cached, and those four
  // and five below, which keep the window full: that is one LUT a bit.
  logic [(Window+1)*AddrW-1:0] full_ids;
  logic [Window:0] full_known, full_exist;
  logic learn;
  always_comb begin
    full_ids   = {{AddrW{1'b0}}, ids_i};
    full_known = {1'b0, known_i};
    full_exist = {1'b0, exist_i};
    learn      = 1'b0;
    for (int unsigned j = 1; j <= Window; j++) begin
      for (int unsigned k = 0; k <= Cached; k++) begin
        learn = at_i[k] && succ_ok_i && !(j < Window && known_i[j % Window]);
        for (int unsigned s = 0; s < Succ; s++) begin
          if (j == k + (s == 0 ? 1 : s + 3) && learn) begin
            full_ids[j*AddrW +: AddrW] = succ_ids_i[s*AddrW +: AddrW];
            full_known[j] = 1'b1;
            full_exist[j] = succ_exist_i[s];
          end
        end
      end
    end
  end

  // The word read, as this operation leaves it, then the cached masks if nothing leaves or enters.
  // One more slot, which only a pop makes room for.
  logic [SlabWidth-1:0] word_mask, kept_mask;
  logic [3:0] word_flags, kept_flags;
  logic [Cached:0] hold_ready;
  logic [(Cached+1)*SlabWidth-1:0] hold_masks;
  logic [(Cached+1)*4-1:0] hold_flags;
  always_comb begin
    word_mask  = word_mask_i | (release_ok_o ? bits_i : '0);
    word_flags = word_flags_i | (release_ok_o ? bits_flags_i : '0);
    for (int unsigned k = 0; k <= Cached; k++) begin
      hold_masks[k*SlabWidth +: SlabWidth] = word_mask;
      hold_flags[k*4 +: 4] = word_flags;
      hold_ready[k] = at_i[k];  // the entry below it is known: see above
      if (k < Cached) begin
        hold_ready[k] = at_i[k] || ready_i[k % Cached];
        if (!at_i[k]) begin
          hold_masks[k*SlabWidth +: SlabWidth] = masks_i[(k%Cached)*SlabWidth +: SlabWidth];
          hold_flags[k*4 +: 4] = flags_i[(k%Cached)*4 +: 4];
        end
      end
    end
    kept_flags = hold_flags[3:0] & ~clear_quarter;
    for (int unsigned q = 0; q < 4; q++) begin
      kept_mask[q*QuarterW +: QuarterW] =
          hold_masks[q*QuarterW +: QuarterW] & {QuarterW{!clear_quarter[q]}};
    end
  end

  always_comb begin
    if (push_i) begin
      ids_o   = {ids_i[(Window-1)*AddrW-1:0], slab_i};
      known_o = {known_i[Window-2:0], 1'b1};
      exist_o = {exist_i[Window-2:0], 1'b1};
      ready_o = {ready_i[Cached-2:0], 1'b1};
      masks_o = {masks_i[(Cached-1)*SlabWidth-1:0], bits_i};
      flags_o = {flags_i[(Cached-1)*4-1:0], bits_flags_i};
    end else if (pop_o) begin
      ids_o   = full_ids[AddrW +: Window*AddrW];
      known_o = full_known[Window:1];
      exist_o = full_exist[Window:1];
      ready_o = hold_ready[Cached:1];
      masks_o = hold_masks[SlabWidth +: Cached*SlabWidth];
      flags_o = hold_flags[4 +: Cached*4];
    end else begin
      ids_o   = full_ids[Window*AddrW-1:0];
      known_o = full_known[Window-1:0];
      exist_o = full_exist[Window-1:0];
      ready_o = hold_ready[Cached-1:0];
      masks_o = {hold_masks[Cached*SlabWidth-1:SlabWidth], kept_mask};
      flags_o = {hold_flags[Cached*4-1:4], kept_flags};
    end
    if (clear_i) begin
      known_o = Window'(1);
      exist_o = '0;
      ready_o = '0;
    end
    hint_o = release_ok_o ? push_i : hint_i && !(grant_ok_o && !exhaust_o);
  end
endmodule

`default_nettype wire
